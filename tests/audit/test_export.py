"""What `wave audit export` writes holds before both verifiers; what it cannot write is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.projects import WAVE, Ground, rows
from tests.support.verifying import NODE, NODE_VERIFIER, needs_node, told


@pytest.fixture
def worked(ground: Ground) -> Ground:
    ground.project(rows=rows(30), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    return ground


def wave(ground: Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [WAVE, "--project", ground.folder, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def exported(ground: Ground, *arguments: str, name: str = "bundle") -> Path:
    out = ground.folder / name
    done = wave(ground, "audit", "export", "--out", str(out), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


WHAT = {
    "whole": [],
    "run": ["--run", "1"],
    "record": ["--record", "item 0003"],
    "stretch": ["--from", "3", "--to", "40"],
    "times": ["--from", "2026-01-01", "--to", "2096-01-01T00:00+02:00"],
}


@pytest.fixture
def bundles(worked: Ground) -> dict[str, Path]:
    return {name: exported(worked, *given, name=name) for name, given in WHAT.items()}


def test_each_kind_of_bundle_holds(bundles: dict[str, Path]):
    for name, place in bundles.items():
        code, said = told(str(place), "--json")
        assert code == 0, f"{name}: {said}"
    facts = {name: json.loads(told(str(place), "--json")[1])["facts"] for name, place in bundles.items()}
    assert facts["whole"]["events"] > facts["run"]["events"] > facts["record"]["events"] > 3
    assert facts["whole"]["payloads"] == facts["run"]["payloads"] > facts["record"]["payloads"] > 1
    assert facts["stretch"]["events"] < 37


@needs_node
def test_the_second_verifier_says_the_same(bundles: dict[str, Path]):
    policy = bundles["whole"] / "policy"
    run = subprocess.run([NODE, NODE_VERIFIER, policy, *bundles.values()], capture_output=True, text=True, check=True)
    assert [json.loads(line)["code"] for line in run.stdout.splitlines()] == [0] * len(WHAT), run.stdout


def test_a_bundle_brings_its_verifier(bundles: dict[str, Path]):
    command = [sys.executable, "-I", "-S", bundles["record"] / "wave_verify.py", bundles["record"]]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert run.returncode == 0
    assert "OK: " in run.stdout


def test_a_record_shows_nothing_of_other_records(bundles: dict[str, Path]):
    payloads = "".join(one.read_text() for one in (bundles["record"] / "payloads").iterdir())
    assert payloads
    everything = "".join(one.read_text() for one in (bundles["whole"] / "payloads").iterdir())
    assert len(payloads) < len(everything) / 10
