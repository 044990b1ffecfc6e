"""Random bundles hold, and both verifiers say so; one changed byte of any class, and both object."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from tests.support import bundles
from tests.support.verifying import Answer, ask, ask_node, flips, needs_node


@pytest.fixture(scope="module")
def hundred(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("hundred")
    return [bundles.random_bundle(folder / f"{seed}", seed)[0] for seed in range(100)]


def test_random_bundles_hold(hundred: list[Path]):
    answers = [ask(one) for one in hundred]
    assert [answer for answer in answers if answer.code] == []
    assert sum(answer.facts["events"] for answer in answers) > 1500
    assert sum(answer.facts["payloads"] for answer in answers) > 500
    assert sum(answer.facts["checkpoints"] for answer in answers) > 100


@needs_node
def test_the_second_verifier_says_the_same_of_them(hundred: list[Path], tmp_path: Path):
    assert ask_node(tmp_path, hundred) == [Answer(0)] * 100


def test_a_larger_log_fills_tiles(tmp_path: Path):
    history = bundles.History()
    for seed in range(40):
        writer = bundles.Writer(seed)
        writer.begin_run(seed + 1)
        for event in writer.history.events:
            moved = {name: event[name] + 1_000_000 * seed for name in ("interaction", "wave") if name in event}
            if "cause" in event:
                moved["cause"] = (event["cause"][0] + 1_000_000 * seed, event["cause"][1])
            history.events.append(event | moved)
        history.payloads |= writer.history.payloads
    log = bundles.seal(history, 1, size=40)
    assert len(log.entries) > 256
    whole = bundles.write(tmp_path / "whole", bundles.whole(log), len(log.entries), {"kind": "whole"})
    assert ask(whole).code == 0
    run = bundles.write(tmp_path / "run", *_sized(bundles.of_run(log, 4), log))
    assert ask(run).code == 0


def _sized(found, log):
    return found[0], len(log.entries), found[1]


# ─── one byte ────────────────────────────────────────────────────────────────────────────────────────────────────────

KINDS = {"whole": 4, "run": 1, "record": 2, "range": 7}


def mutants(folder: Path, seed: int, *, repaired: bool) -> dict[str, Path]:
    """Write a random bundle once for each class of bytes, with one of them changed. By what was changed.

    `repaired`: with a manifest that fits the changed files, so that it is not what gives the change away. The
    bundle's own policy is left as it is then: nobody who has one of his own reads it.
    """
    place, log = bundles.random_bundle(folder / "good", seed)
    size, scope = len(log.entries), json_scope(place)
    files = {str(one.relative_to(place)): one.read_bytes() for one in place.rglob("*") if one.is_file()}
    if repaired:
        del files["manifest.json"]
    found = {}
    for number, (what, changed) in enumerate(flips(files, seed)):
        if not (repaired and what.endswith("of policy")):
            found[what] = bundles.write(folder / f"{number}", changed, size, scope)
    return found


def json_scope(place: Path):
    return json.loads((place / "manifest.json").read_bytes())["scope"]


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """Gives the mutants of a random bundle, and what the verifier that ships says of each: made and asked once."""

    @functools.cache
    def once(seed: int, repaired: bool) -> tuple[dict[str, Path], list[Answer]]:
        found = mutants(tmp_path_factory.mktemp("changed"), seed, repaired=repaired)
        return found, [ask(place) for place in found.values()]

    return once


@pytest.mark.parametrize("repaired", [True, False], ids=["a manifest that fits", "the manifest as it was"])
@pytest.mark.parametrize("seed", KINDS.values(), ids=KINDS)
def test_a_changed_byte_of_any_class_is_caught(changed, seed: int, repaired: bool):
    found, answers = changed(seed, repaired)
    assert len(found) > 60
    assert [what for what, answer in zip(found, answers, strict=True) if answer.code == 0] == []


@needs_node
@pytest.mark.parametrize("seed", KINDS.values(), ids=KINDS)
def test_the_second_verifier_catches_them_too_and_names_the_same_place(changed, tmp_path: Path, seed: int):
    found, ours = changed(seed, True)
    theirs = ask_node(tmp_path, list(found.values()))
    assert [what for what, answer in zip(found, theirs, strict=True) if answer.code == 0] == []
    apart = [
        (what, one, other)
        for what, one, other in zip(found, ours, theirs, strict=True)
        if (one.code, one.index) != (other.code, other.index)
    ]
    assert apart == []
