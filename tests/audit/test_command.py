"""`wave-verify` as an auditor calls it: one file and a bare Python, with clear words and codes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import bundles
from tests.support.verifying import told

from wave_runner.audit import wave_verify
from wave_runner.core.event import EventType
from wave_runner.core.interaction import State, is_legal

SCRIPT = Path(wave_verify.__file__)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    log = bundles.seal(bundles.history(4), 4, size=6)
    return bundles.write(tmp_path / "good", bundles.whole(log), len(log.entries), {"kind": "whole"})


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    place = tmp_path / "policy"
    place.write_text(bundles.policy())
    return place


def alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the file by itself: without site packages, without our folders, without the environment."""
    command = [sys.executable, "-I", "-S", SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={})


def test_it_needs_nothing_but_python(good: Path, policy: Path):
    run = alone(good, "--policy", policy)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == (
        f"OK: 64 events, 31 contents, 3 older checkpoints; everything, of the log {bundles.ORIGIN} at 89 entries\n"
    )


def test_it_imports_nothing_but_the_standard_library():
    tree = ast.parse(SCRIPT.read_bytes())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names
    assert not imported & {"socket", "subprocess", "urllib", "http", "ctypes", "pickle", "importlib"}


def test_without_a_policy_it_says_loudly_what_that_is_worth(good: Path):
    run = alone(good)
    assert run.returncode == 0
    assert run.stdout.startswith("WARNING: no --policy was given, so that the log's own key was believed.")
    assert json.loads(alone(good, "--json").stdout)["policy"] == "its own"


def test_what_does_not_hold_is_named_first_and_counted(good: Path, policy: Path):
    events = good / "events/000000.jsonl"
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[1:]))
    run = alone(good, "--policy", policy)
    assert run.returncode == 1
    first, *rest = run.stdout.splitlines()
    assert first == "TAMPERED: log index 1: its event is not there"
    assert "events/000000.jsonl is not the file that the manifest names" in run.stdout
    assert all(line.startswith("  ") for line in rest)
    told_json = json.loads(alone(good, "--policy", policy, "--json").stdout)
    assert told_json["result"] == "tampered"
    assert told_json["findings"][0] == {
        "log_index": 1,
        "event_id": None,
        "why": "its event is not there",
        "is_missing": False,
        "follows": False,
    }
    assert told_json["count"] == len(told_json["findings"])


def test_a_missing_file_is_incomplete(good: Path, policy: Path):
    next((good / "checkpoints").iterdir()).unlink()
    run = alone(good, "--policy", policy)
    assert run.returncode == 2
    assert run.stdout.startswith("INCOMPLETE: checkpoints/")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: bundle"),
        (["{good}", "--nothing"], "unrecognized arguments: --nothing"),
        (["{good}/nowhere"], "is no folder and no zip file"),
        (["{good}/events"], "is no bundle: it has no manifest.json"),
        (["{good}", "--policy", "{good}/nowhere"], "No such file"),
        (["{good}", "--policy", "{good}/checkpoint"], "policy, line 1"),
        (["{good}", "--checkpoint", "{good}/policy"], "policy: the checkpoint is not three lines"),
        (["{good}", "--longest-transaction", "-1"], "is a number of seconds from 0"),
        (["{good}", "--longest-transaction", "x"], "invalid int value"),
    ],
)
def test_a_wrong_call_is_explained(good: Path, arguments: list[str], said: str):
    run = alone(*(one.format(good=good) for one in arguments))
    assert run.returncode == 3
    assert run.stdout == ""
    assert run.stderr.startswith("wave-verify: ")
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_the_longest_transaction_bounds_how_far_back_an_event_may_be_dated(tmp_path: Path, policy: Path):
    history = bundles.history(4)
    clock = [one["recorded_us"] for one in history.events]
    history.events[20]["recorded_us"] -= 600_000_000
    log = bundles.seal(history, 4, size=6, clock=clock)
    place = bundles.write(tmp_path / "back", bundles.whole(log), len(log.entries), {"kind": "whole"})
    assert told(str(place), "--policy", str(policy))[0] == 0
    code, said = told(str(place), "--policy", str(policy), "--longest-transaction", "60")
    assert code == 1
    assert "it was dated back" in said


# ─── what it knows of events is what the product writes ──────────────────────────────────────────────────────────────


def test_it_knows_every_type_of_event():
    known = wave_verify.MOVES.keys() | wave_verify.OTHERS
    assert {str(one) for one in EventType} <= known
    assert known - {str(one) for one in EventType} <= {"payload_erased"}


def test_its_moves_are_legal_ones():
    states = [State.BLOCKED, State.PENDING, State.RUNNING, State.WAITING, State.COMPLETED, State.FAILED]
    states += [State.QUARANTINED, State.SKIPPED, State.CANCELLED, State.INVALIDATED]
    bits = {2 << place: state for place, state in enumerate(states)}  # the first bit stands for what is not there yet
    moves = [
        (bits[before], bits[after])
        for before_bits, after in wave_verify.MOVES.values()
        for before in bits
        if before & before_bits and after
    ]
    assert len(moves) > 15
    assert [move for move in moves if not is_legal(*move)] == []
