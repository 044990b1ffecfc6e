"""Whatever stands in a bundle, the verifier says in a sentence what is wrong: no traceback, nothing outside it."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import bundles
from tests.support.verifying import ask, told

SEED = 4
EVENTS, ENTRIES = "events/000000.jsonl", "tile/entries/000.p/"


@pytest.fixture(scope="module")
def log() -> bundles.Log:
    return bundles.seal(bundles.history(SEED), SEED, size=6)


def objects_to(place: Path, *, code: int = 1) -> str:
    """Assert that the verifier objects, briefly, and return what it says."""
    policy = place.parent / "policy"
    policy.write_text(bundles.policy())
    ended, said = told(str(place), "--policy", str(policy))
    assert ended == code, said
    assert "Traceback" not in said
    assert 10 < len(said) < 5000
    return said


def line_of(event: dict, **changed) -> bytes:
    return (bundles.dumped({**event, **changed}) + "\n").encode()


DEEP = b"[" * 100_000 + b"]" * 100_000
LINES: dict[str, Callable[[dict], bytes]] = {
    "deep": lambda event: b'{"data":' + DEEP + b"}\n",
    "deep data": lambda event: line_of(event, data={"x": "DEEP"}).replace(b'"DEEP"', DEEP),
    "a little too deep": lambda event: line_of(event, data={"x": "D"}).replace(b'"D"', b"[" * 250 + b"]" * 250),
    "a huge number": lambda event: line_of(event, data={"x": "N"}).replace(b'"N"', b"9" * 10_000),
    "a number too large": lambda event: line_of(event, data={"x": 2**53}),
    "a huge id": lambda event: line_of(event, id="9" * 10_000),
    "an id too large": lambda event: line_of(event, id=str(2**53)),
    "a float": lambda event: line_of(event, data={"x": 0.5}),
    "a large float": lambda event: line_of(event, data={"x": "N"}).replace(b'"N"', b"1e999"),
    "not a number": lambda event: line_of(event, data={"x": float("nan")}),
    "a key twice": lambda event: line_of(event).replace(b'"data":{', b'"data":{"steps":5,', 1),
    "another key twice": lambda event: line_of(event).replace(b'"id":', b'"id":"1","id":', 1),
    "a key that is not ASCII": lambda event: line_of(event, data={"é": 1}),
    "a space": lambda event: line_of(event).replace(b":", b": ", 1),
    "half a surrogate pair": lambda event: line_of(event, data={"x": "S"}).replace(b'"S"', b'"\\ud800"'),
    "an escape too much": lambda event: line_of(event, dbuser="S").replace(b'"S"', b'"\\u0041"'),
    "no UTF-8": lambda event: line_of(event, data={"x": "S"}).replace(b'"S"', b'"\xff"'),
    "a long line": lambda event: line_of(event, data={"x": "x" * 1_000_000}),
    "no line feed": lambda event: b"{}",
    "an empty line": lambda event: b"\n",
    "a list": lambda event: b"[]\n",
    "a number": lambda event: b"1\n",
    "data that is a list": lambda event: line_of(event, data=[]),
    "an attribute too many": lambda event: line_of(event, subject="x"),
    "an attribute too few": lambda event: line_of({name: item for name, item in event.items() if name != "source"}),
    "a seq that is a text": lambda event: line_of(event, seq="1"),
    "a seq and no interaction": lambda event: line_of(event, seq=1),
    "a date that is none": lambda event: line_of(event, time="2026-02-30T00:00:00.000000Z"),
    "the year 0": lambda event: line_of(event, time="0000-01-01T00:00:00.000000Z"),
    "another form": lambda event: line_of(event, dataschema="wave:run.started/2"),
    "payloads that are none": lambda event: line_of(event, data={"payloads": 7}),
    "a payload that is none": lambda event: line_of(event, data={"payloads": [{"c": 7}]}),
    "an input that is none": lambda event: line_of(event, data={"input": "abc"}),
    "an erasure of nothing": lambda event: line_of(event, type="payload.erased", dataschema="wave:payload.erased/1"),
    "NUL": lambda event: b"\0" * 1000 + b"\n",
}


@pytest.mark.parametrize("name", LINES)
def test_a_hostile_line_is_no_event(tmp_path: Path, log: bundles.Log, name: str):
    files = bundles.whole(log)
    event = json.loads(files[EVENTS].splitlines()[0])
    files[EVENTS] = LINES[name](event) + files[EVENTS].split(b"\n", 1)[1]
    objects_to(bundles.write(tmp_path / "bundle", files, len(log.entries), {"kind": "whole"}))


FILES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "a checkpoint of a huge log": lambda files: {"checkpoint": bundles.checkpoint([b""] * 3).replace(b"3", b"9" * 15)},
    "a checkpoint that is empty": lambda files: {"checkpoint": b""},
    "a checkpoint that is huge": lambda files: {"checkpoint": b"x" * 10_000_000},
    "entries that end early": lambda files: {name: c[:-9] for name, c in files.items() if name.startswith(ENTRIES)},
    "entries that go on": lambda files: {name: c + b"\0\0" for name, c in files.items() if name.startswith(ENTRIES)},
    "entries that are empty": lambda files: {name: b"" for name in files if name.startswith(ENTRIES)},
    "entries of zeros": lambda files: {name: bytes(len(c)) for name, c in files.items() if name.startswith(ENTRIES)},
    "a tile that is short": lambda files: {name: b"x" for name in files if name.startswith("tile/0/")},
    "a deep payload": lambda files: {"payloads/000000.jsonl": DEEP + b"\n"},
    "a payload that is a list": lambda files: {"payloads/000000.jsonl": b"[]\n"},
    "a payload without a nonce": lambda files: {"payloads/000000.jsonl": b'{"c":"","nonce":"","text":""}\n'},
    "an older checkpoint that is none": lambda files: {"checkpoints/3": b"3"},
    "a manifest that is a list": lambda files: {"manifest.json": b"[]"},
    "a manifest that is deep": lambda files: {"manifest.json": DEEP},
    "a manifest that is empty": lambda files: {"manifest.json": b""},
    "a manifest that is no UTF-8": lambda files: {"manifest.json": b"\xff\xfe"},
    "a manifest with numbers for files": lambda files: {
        "manifest.json": bundles.dumped(
            {"bundle": 1, "files": {"checkpoint": 1}, "origin": 1, "scope": {"kind": "whole"}, "size": "x"}
        ).encode()
    },
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_named(tmp_path: Path, log: bundles.Log, name: str):
    files = bundles.whole(log)
    changed = FILES[name](files)
    assert changed
    objects_to(bundles.write(tmp_path / "bundle", files | changed, len(log.entries), {"kind": "whole"}))


@pytest.mark.parametrize("seed", range(30))
def test_noise_in_any_file_ends_in_a_sentence(tmp_path: Path, log: bundles.Log, seed: int):
    chosen = random.Random(seed)
    flow = next(one["correlation"] for one in log.history.events if "correlation" in one)
    files, scope = [(bundles.whole(log), {"kind": "whole"}), bundles.of_run(log, 1), bundles.of_flow(log, flow)][
        seed % 3
    ]
    name = chosen.choice([one for one in files if one != "policy"])
    content = bytearray(files[name])
    for _ in range(chosen.randint(1, 30)):
        at = chosen.randrange(len(content))
        content[at : at + chosen.randint(0, 3)] = chosen.randbytes(chosen.randint(0, 6))
    place = bundles.write(tmp_path / "bundle", files | {name: bytes(content)}, len(log.entries), scope)
    assert ask(place).code in (1, 2), name


# ─── folders and zip files ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def good(tmp_path: Path, log: bundles.Log) -> Path:
    return bundles.write(tmp_path / "good", bundles.whole(log), len(log.entries), {"kind": "whole"})


def packed(good: Path, place: Path, extra: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as out:
        for one in sorted(good.rglob("*")):
            if one.is_file():
                out.write(one, one.relative_to(good))
        for name, content in (extra or {}).items():
            out.writestr(name, content)
    return place


def test_a_bundle_may_be_a_zip_file(good: Path, tmp_path: Path):
    assert ask(packed(good, tmp_path / "good.zip")).code == 0


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "a\\b", "C:evil", "a//b", "x" * 300, "é"])
def test_a_zip_file_with_a_name_that_leads_outside_is_refused(good: Path, tmp_path: Path, name: str):
    said = objects_to(packed(good, tmp_path / "evil.zip", {name: b"x"}))
    assert "name" in said
    assert not (tmp_path / "outside").exists()


def test_a_zip_file_that_would_burst_is_refused(good: Path, tmp_path: Path):
    said = objects_to(packed(good, tmp_path / "bomb.zip", {"payloads/000001.jsonl": bytes(200_000_000)}))
    assert "times its own size" in said


def test_a_zip_file_that_lies_about_a_size_is_refused(good: Path, tmp_path: Path):
    place = packed(good, tmp_path / "lying.zip", {"payloads/000001.jsonl": bytes(5_000_000)})
    content = place.read_bytes()
    lying = content.replace((5_000_000).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    assert lying != content
    place.write_bytes(lying)
    objects_to(place)


def test_a_zip_file_with_a_name_twice_is_refused(good: Path, tmp_path: Path):
    place = packed(good, tmp_path / "twice.zip")
    with zipfile.ZipFile(place, "a") as out, pytest.warns(UserWarning, match="Duplicate"):
        out.writestr("checkpoint", b"another")
    assert "twice" in objects_to(place)


def test_a_zip_file_with_a_link_is_refused(good: Path, tmp_path: Path):
    place = packed(good, tmp_path / "link.zip")
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(place, "a") as out:
        out.writestr(link, "/etc/passwd")
    assert "no ordinary file" in objects_to(place)


@pytest.mark.parametrize("at", [50, 5_000, -400, -30])
def test_a_broken_zip_file_is_refused(good: Path, tmp_path: Path, at: int):
    place = packed(good, tmp_path / "broken.zip")
    content = bytearray(place.read_bytes())
    content[at : at + 20] = bytes(20)
    place.write_bytes(content)
    policy = tmp_path / "policy"
    policy.write_text(bundles.policy())
    code, said = told(str(place), "--policy", str(policy))
    assert code in (1, 2, 3)
    assert "Traceback" not in said


def test_a_zip_file_that_is_none_is_refused(tmp_path: Path):
    place = tmp_path / "noise.zip"
    place.write_bytes(random.Random(1).randbytes(5000))
    assert "no zip file" in objects_to(place, code=3)


def test_a_zip_file_within_noise_is_taken_as_what_it_is(good: Path, tmp_path: Path):
    held = io.BytesIO(packed(good, tmp_path / "good.zip").read_bytes())
    place = tmp_path / "half.zip"
    place.write_bytes(held.getvalue()[: len(held.getvalue()) // 2])
    objects_to(place, code=3)


@pytest.mark.parametrize("make", [lambda at: at.symlink_to("/etc/passwd"), os.mkfifo], ids=["link", "pipe"])
def test_a_folder_with_what_is_no_file_is_refused(good: Path, make):
    make(good / "extra")
    assert "no ordinary file" in objects_to(good)


def test_a_link_to_a_folder_is_not_followed(good: Path, tmp_path: Path):
    (good / "events2").symlink_to(tmp_path, target_is_directory=True)
    assert "no ordinary file" in objects_to(good)


def test_folders_in_folders_without_end_are_refused(good: Path):
    (good / "/".join(["a"] * 40)).mkdir(parents=True)
    assert "too deep" in objects_to(good)


def test_a_file_with_a_strange_name_is_refused(good: Path):
    (good / "events" / "-rf \n\x1b[31m").write_text("x")
    said = objects_to(good)
    assert "\x1b" not in said, "nothing of it reaches the terminal as it stands"
