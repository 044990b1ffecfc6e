"""What somebody could do to a bundle, with a manifest that fits it: each is caught, and the event is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import bundles
from tests.support.verifying import Answer, ask, told

SEED = 4
EVENTS = "events/000000.jsonl"


@pytest.fixture(scope="module")
def log() -> bundles.Log:
    return bundles.seal(bundles.history(SEED), SEED, size=6)


class Bundle:
    """A good bundle of a whole log, in files that a test changes before it asks."""

    def __init__(self, folder: Path, log: bundles.Log) -> None:
        self.folder, self.log, self.files = folder, log, bundles.whole(log)

    def lines(self) -> list[str]:
        return self.files[EVENTS].decode().splitlines()

    def set_lines(self, lines: list[str]) -> None:
        self.files[EVENTS] = "".join(f"{line}\n" for line in lines).encode()

    def write(self) -> Path:
        return bundles.write(self.folder, self.files, len(self.log.entries), {"kind": "whole"})

    def ask(self, *arguments: str, policy: str | None = None) -> Answer:
        return ask(self.write(), *arguments, policy=policy)


@pytest.fixture
def bundle(tmp_path: Path, log: bundles.Log) -> Bundle:
    return Bundle(tmp_path / "bundle", log)


def test_as_it_was_it_holds(bundle: Bundle):
    answer = bundle.ask()
    assert answer.code == 0
    assert answer.facts["events"] == len(bundle.log.history.events)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda event: event["data"].update(steps=6), "what it says differs"),
        (lambda event: event.update(run="9"), "what it says differs"),
        (lambda event: event.update(id="9999"), "what it says and its id differ"),
        (lambda event: event.update(time="2020-01-01T00:00:00.000000Z"), "when it was recorded differs"),
        (lambda event: event.update(dbuser="postgres"), "the database user differs"),
        (lambda event: event.update(source="wave://other"), "what it says differs"),
    ],
)
def test_an_edited_event_is_named_with_what_differs(bundle: Bundle, change, said: str):
    lines = bundle.lines()
    place = next(at for at, line in enumerate(lines) if '"type":"run.started"' in line)
    event = json.loads(lines[place])
    change(event)
    lines[place] = bundles.dumped(event)
    bundle.set_lines(lines)
    answer = bundle.ask()
    assert (answer.code, answer.index) == (1, bundle.log.index_of[place])
    assert said in answer.why


def test_a_deleted_event_is_named(bundle: Bundle):
    lines = bundle.lines()
    del lines[7]
    bundle.set_lines(lines)
    answer = bundle.ask()
    assert answer == Answer(1, bundle.log.index_of[7], "its event is not there", answer.facts)


def test_an_inserted_event_is_named(bundle: Bundle):
    lines = bundle.lines()
    forged = json.loads(lines[7]) | {"sequence": f"{bundle.log.index_of[8]:020d}", "id": "77777"}
    bundle.set_lines([*lines[:8], bundles.dumped(forged), *lines[8:]])
    answer = bundle.ask()
    assert (answer.code, answer.index) == (1, bundle.log.index_of[8])


def test_an_event_after_the_last_one_was_never_sealed(bundle: Bundle):
    last = "events/000001.jsonl"
    line = json.loads(bundle.files[last].splitlines()[-1])
    forged = line | {"sequence": f"{len(bundle.log.entries):020d}", "id": "77777"}
    bundle.files[last] += (bundles.dumped(forged) + "\n").encode()
    answer = bundle.ask()
    assert (answer.code, answer.why) == (1, "there are events that were never sealed")


def test_two_events_in_the_other_order_are_named(bundle: Bundle):
    lines = bundle.lines()
    lines[7], lines[8] = lines[8], lines[7]
    bundle.set_lines(lines)
    answer = bundle.ask()
    assert (answer.code, answer.index) == (1, bundle.log.index_of[7])


def test_a_content_that_was_swapped_is_not_what_was_promised(bundle: Bundle):
    name = "payloads/000000.jsonl"
    lines = [json.loads(line) for line in bundle.files[name].splitlines()]
    lines[0]["text"] = "something else"
    lines[0].pop("base64", None)
    bundle.files[name] = "".join(bundles.dumped(line) + "\n" for line in lines).encode()
    answer = bundle.ask()
    assert answer.code == 1
    assert answer.index is not None, "the event that it was promised by lacks its content"


def test_a_content_with_a_promise_of_its_own_belongs_to_no_event(bundle: Bundle):
    line = bundles.payload_line(bundles.hashed(bytes(32) + b"x").hex(), bytes(32), b"x")
    bundle.files["payloads/000000.jsonl"] += line.encode()
    answer = bundle.ask()
    assert answer.code == 1
    assert answer.why.startswith("no event speaks of")


def test_an_erasure_that_was_dropped_is_missed(bundle: Bundle):
    name = next(
        name for name in ("events/000000.jsonl", "events/000001.jsonl") if b"payload.erased" in bundle.files[name]
    )
    kept = [line for line in bundle.files[name].splitlines(keepends=True) if b"payload.erased" not in line]
    bundle.files[name] = b"".join(kept)
    place = next(at for at, one in enumerate(bundle.log.history.events) if one["type"] == "payload_erased")
    code, said = told(str(bundle.write()), "--json")
    assert code == 1
    assert [bundle.log.index_of[place], "its event is not there"] in [
        [one["log_index"], one["why"]] for one in json.loads(said)["findings"]
    ]


def test_a_file_that_was_left_out_is_missing_and_nothing_else(bundle: Bundle):
    place = bundle.write()
    (place / "payloads/000000.jsonl").unlink()
    answer = ask(place)
    assert answer.code == 1, "its contents are missed one by one"
    again = bundle.write()
    gone = next(one for one in bundle.files if one.startswith("checkpoints/"))
    (again / gone).unlink()
    answer = ask(again)
    assert (answer.code, answer.why) == (2, f"{gone} is in the manifest, and not in the bundle")


def test_a_file_that_was_added_is_named(bundle: Bundle):
    place = bundle.write()
    (place / "notes.txt").write_text("trust me")
    assert ask(place) == Answer(1, None, "notes.txt is in the bundle, and not in its manifest", ask(place).facts)


def test_the_last_entries_rewritten_with_their_tiles_do_not_have_the_root(bundle: Bundle, tmp_path: Path):
    signed = bundle.files["checkpoint"]
    history = bundles.history(SEED)
    history.events[-1]["data"]["by"] = "mallory"
    other = Bundle(tmp_path / "other", bundles.seal(history, SEED, size=6))
    other.files["checkpoint"] = signed
    answer = other.ask()
    assert (answer.code, answer.why) == (1, "the entries do not have the root that was signed")


@pytest.mark.parametrize("kind", ["run", "record"])
def test_an_edited_event_of_a_part_is_named(tmp_path: Path, log: bundles.Log, kind: str):
    flow = next(one["correlation"] for one in log.history.events if "correlation" in one)
    files, scope = bundles.of_run(log, 1) if kind == "run" else bundles.of_flow(log, flow)
    lines = files[EVENTS].decode().splitlines(keepends=True)
    lines[2] = lines[2].replace('"actor":"', '"actor":"x')
    files[EVENTS] = "".join(lines).encode()
    answer = ask(bundles.write(tmp_path / "bundle", files, len(log.entries), scope))
    index = int(json.loads(lines[2])["sequence"])
    assert (answer.code, answer.index, answer.why) == (1, index, "it is not what was sealed at this index")


# ─── keys and checkpoints ────────────────────────────────────────────────────────────────────────────────────────────


def resigned(bundle: Bundle, key: bundles.Signer) -> None:
    """Sign everything in a bundle with another key, as who has only that would."""
    bundle.files["policy"] = bundles.policy(key).encode()
    for name in bundle.files:
        if name == "checkpoint" or name.startswith("checkpoints/"):
            size = int(name.partition("/")[2] or len(bundle.log.entries))
            bundle.files[name] = bundles.checkpoint(bundle.log.leaves[:size], key)


def test_another_key_is_caught_by_the_policy_of_the_auditor_alone(bundle: Bundle, tmp_path: Path):
    resigned(bundle, bundles.OTHER_KEY)
    answer = bundle.ask()
    assert (answer.code, answer.index) == (1, None)
    assert "signed by no key that the policy trusts" in answer.why
    code, said = told(str(bundle.write()))
    assert code == 0
    assert said.startswith("WARNING: no --policy was given"), "it holds in itself, and says what that is worth"


def test_another_key_is_caught_by_an_older_checkpoint_too(bundle: Bundle, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_bytes(bundles.checkpoint(bundle.log.leaves[: bundle.log.sizes[2]]))
    resigned(bundle, bundles.OTHER_KEY)
    code, said = told(str(bundle.write()), "--checkpoint", str(kept))
    assert code == 1
    assert "signed by no key" in said


def test_another_log_is_caught_by_its_name(bundle: Bundle):
    other = bundles.Signer("example.org/other", bytes(range(32)))
    answer = bundle.ask(policy=bundles.policy(other))
    assert answer.code == 1
    assert "of which the policy has no key" in answer.why


def test_a_rewritten_history_is_caught_by_an_older_checkpoint_only(bundle: Bundle, tmp_path: Path):
    """Who has the key can write another history. That is what checkpoints elsewhere are for, and the page says so."""
    kept = tmp_path / "kept"
    kept.write_bytes(bundles.checkpoint(bundle.log.leaves[: bundle.log.sizes[5]]))
    assert bundle.ask("--checkpoint", str(kept)).code == 0
    history = bundles.history(SEED)
    history.events[2]["data"]["size"] = 11
    other = bundles.seal(history, SEED, size=6)
    assert len(other.entries) == len(bundle.log.entries)
    rewritten = Bundle(tmp_path / "rewritten", other)
    assert rewritten.ask().code == 0
    answer = rewritten.ask("--checkpoint", str(kept))
    assert answer.code == 1
    assert "an older checkpoint has promised" in answer.why


@pytest.mark.parametrize("kind", ["whole", "record", "run", "range"])
def test_a_log_that_was_cut_is_caught_by_a_later_checkpoint(tmp_path: Path, log: bundles.Log, kind: str):
    history = bundles.History(log.history.events[:30], log.history.payloads)
    short = bundles.seal(history, SEED, size=6)
    wanted = {promise for one in history.events for promise in bundles.promised(one["data"])}
    history.payloads = {c: kept for c, kept in history.payloads.items() if c in wanted}
    flow = next(one["correlation"] for one in history.events if "correlation" in one)
    files, scope = {
        "whole": lambda: (bundles.whole(short), {"kind": "whole"}),
        "record": lambda: bundles.of_flow(short, flow),
        "run": lambda: bundles.of_run(short, 1),
        "range": lambda: bundles.of_range(short, 3, 30),
    }[kind]()
    place = bundles.write(tmp_path / "short", files, len(short.entries), scope)
    kept = tmp_path / "kept"
    kept.write_bytes(bundles.checkpoint(log.leaves))
    answer = ask(place, "--checkpoint", str(kept))
    assert answer.code == 1
    code, said = told(str(place), "--checkpoint", str(kept))
    assert code == 1
    assert "it was cut" in said


@pytest.mark.parametrize("kind", ["run", "record"])
def test_a_part_is_held_against_older_checkpoints(tmp_path: Path, log: bundles.Log, kind: str):
    flow = next(one["correlation"] for one in log.history.events if "correlation" in one)
    files, scope = bundles.of_run(log, 1) if kind == "run" else bundles.of_flow(log, flow)
    place = bundles.write(tmp_path / "bundle", files, len(log.entries), scope)
    size = int(next(name for name in files if name.startswith("checkpoints/")).partition("/")[2])
    kept = tmp_path / "kept"
    kept.write_bytes(bundles.checkpoint(log.leaves[:size]))
    assert ask(place, "--checkpoint", str(kept)).code == 0
    kept.write_bytes(bundles.checkpoint([*log.leaves[: size - 1], bytes(32)]))
    answer = ask(place, "--checkpoint", str(kept))
    assert answer.code == 1
    assert "an older checkpoint has promised" in answer.why


def test_a_part_without_a_proof_for_an_older_checkpoint_says_that_it_is_incomplete(tmp_path: Path, log: bundles.Log):
    flow = next(one["correlation"] for one in log.history.events if "correlation" in one)
    files, scope = bundles.of_flow(log, flow)
    place = bundles.write(tmp_path / "bundle", files, len(log.entries), scope)
    kept = tmp_path / "kept"
    kept.write_bytes(bundles.checkpoint(log.leaves[:5]))
    assert "consistency/5" not in files
    assert ask(place, "--checkpoint", str(kept)).code == 2


def test_a_part_of_which_a_cause_was_left_out_is_caught(tmp_path: Path, log: bundles.Log):
    events = log.history.events
    flow = next(one["correlation"] for one in events if "cause" in one and one["seq"] == 1)
    places = [at for at, one in enumerate(events) if one.get("correlation") == flow or one["type"] == "payload_erased"]
    files = bundles.part(log, places, by_proofs=True)
    scope = {"kind": "record", "correlations": [flow]}
    answer = ask(bundles.write(tmp_path / "bundle", files, len(log.entries), scope))
    assert (answer.code, answer.index) == (1, log.index_of[places[0]])
    assert "does not come before it" in answer.why


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ({"kind": "run", "run": 2}, 1),
        ({"kind": "record", "correlations": ["0190d6a4-3c9f-4b52-a0f3-2f4b9f0a7c11"]}, 1),
        ({"kind": "range", "from": 0, "to": 10**9}, 2),
        ({"kind": "range", "from": 5, "to": 5}, 1),
        ({"kind": "run", "run": -1}, 1),
        ({"kind": "run", "run": True}, 1),
        ({"kind": "everything"}, 1),
        ({}, 1),
        ([], 1),
    ],
)
def test_a_bundle_that_says_it_shows_something_else_is_caught(tmp_path: Path, log: bundles.Log, scope, code: int):
    files, _ = bundles.of_run(log, 1)
    answer = ask(bundles.write(tmp_path / "bundle", files, len(log.entries), scope))
    assert answer.code == code, answer.why
