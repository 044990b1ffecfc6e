"""What `wave audit export` writes holds before both verifiers, and shows no more than it was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import warm
from tests.support.projects import Ground, rows, script
from tests.support.verifying import ask_node, needs_node, told

WHAT = {
    "whole": [],
    "run": ["--run", "1"],
    "record": ["--record", "item 0003"],
    "stretch": ["--from", "3", "--to", "40"],
    "times": ["--from", "2026-01-01", "--to", "2096-01-01T00:00+02:00"],
}


@pytest.fixture
def worked(ground: Ground) -> Ground:
    ground.project(rows=rows(30), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    return ground


def wave(ground: Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, "audit", *arguments]
    return warm.wave(*command)


def exported(ground: Ground, *arguments: str, name: str = "bundle") -> Path:
    out = ground.folder / name
    done = wave(ground, "export", "--out", str(out), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@needs_node
def test_bundles_of_every_kind_hold_before_both_verifiers(worked: Ground):
    places = {name: exported(worked, *given, name=name) for name, given in WHAT.items()}
    answers = {name: told(str(place), "--json") for name, place in places.items()}
    assert {name: code for name, (code, _) in answers.items() if code} == {}
    policy = (places["whole"] / "policy").read_text()
    assert [one.code for one in ask_node(worked.folder, list(places.values()), policy)] == [0] * len(WHAT)

    facts = {name: json.loads(said)["facts"] for name, (_, said) in answers.items()}
    assert facts["whole"]["events"] > facts["run"]["events"] > facts["record"]["events"] > 3
    assert facts["whole"]["payloads"] == facts["run"]["payloads"] > facts["record"]["payloads"] > 1
    assert facts["stretch"]["events"] < 37

    parts = {name: json.loads(said)["shown"]["scope"] for name, (_, said) in answers.items()}
    flow = worked.one(
        "SELECT correlation_id::text FROM run_records JOIN records USING (record_id) WHERE key = 'item 0003'"
    )
    assert parts["record"] == {"kind": "record", "correlations": [flow]}
    assert "of run 1, of the log " in told(str(places["run"]))[1]
    assert f"of a record, flow {flow}, of the log " in told(str(places["record"]))[1]

    shown = "".join(one.read_text() for one in (places["record"] / "payloads").iterdir())
    assert len(shown) < len("".join(one.read_text() for one in (places["whole"] / "payloads").iterdir())) / 10
    assert "wave_verify.py" in {one.name for one in places["record"].iterdir()}
    command = [sys.executable, "-I", "-S", places["record"] / "wave_verify.py", places["record"]]
    alone = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (alone.returncode, "OK: " in alone.stdout) == (0, True)


@needs_node
def test_a_stretch_that_ends_between_two_attempts_holds(ground: Ground):
    body = (
        "if ctx.attempt == 1:\n    raise ValueError('not yet')\nctx.write('items', {'words': 4})\nreturn {'words': 4}"
    )
    ground.project(rows=rows(2), actors={"count": script(body)})
    assert ground.run() == "completed"
    starts = ground.sql(
        "SELECT l.log_index, e.seq FROM event_log l JOIN interaction_events e USING (event_id) "
        "WHERE e.type = 'interaction_started' AND e.step = 'count' ORDER BY l.log_index"
    )
    again = [one["log_index"] for one in starts if one["seq"] > 1]
    assert len(again) == 2
    bundles = [exported(ground, "--from", "0", "--to", str(end), name=f"to-{end}") for end in again]
    assert [told(str(one), "--json") for one in bundles if told(str(one))[0]] == []
    assert [one.code for one in ask_node(ground.folder, bundles, (bundles[0] / "policy").read_text())] == [0, 0]


def test_a_part_is_comparable_with_an_older_checkpoint_that_was_named(worked: Ground, tmp_path: Path):
    notes = worked.sql("SELECT size, note FROM log_checkpoints ORDER BY size")
    assert worked.run() == "completed"
    kept = tmp_path / "kept"
    kept.write_text(notes[0]["note"])
    for name in ("record", "run"):
        with_it = exported(worked, *WHAT[name], "--checkpoint", str(kept), name=f"{name}-with")
        assert told(str(with_it), "--checkpoint", str(kept))[0] == 0
    without = exported(worked, *WHAT["record"], name="without")
    assert told(str(without), "--checkpoint", str(kept))[0] == 2
    assert (worked.folder / f"record-with/consistency/{notes[0]['size']}").exists()


def test_what_cannot_be_exported_is_said(worked: Ground):
    there, nowhere = exported(worked), str(worked.folder / "nowhere")
    for arguments, said in [
        (["--out", str(there)], "is there already"),
        (["--out", nowhere, "--run", "77"], "run 77: nothing is in the signed log"),
        (["--out", nowhere, "--record", "nobody"], "record nobody: nothing is in the signed log"),
        (["--out", nowhere, "--from", "0", "--to", "999999"], "the log is signed from 0 to"),
        (["--out", nowhere, "--from", "2001-01-01", "--to", "2002-01-01"], "no event was recorded in this time"),
        (["--out", nowhere, "--from", "3"], "--from and --to belong together"),
        (["--out", nowhere, "--from", "then", "--to", "now"], "is no index and no time"),
        (["--out", nowhere, "--run", "1", "--record", "y"], "exclude each other"),
    ]:
        done = wave(worked, "export", *arguments)
        assert done.returncode != 0
        assert said in done.stderr, arguments
    assert not list(worked.folder.glob("nowhere*"))
