"""Whoever erases is killed at every statement: nothing is gone, and the same command does it, or all of it is."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.crash.test_crash_points import ERASING
from tests.support import canary, warm
from tests.support.canary import KEY, WORD
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

from wave_runner import crash_points

CANCELLING = ("tasks/withdraw", "interactions/cancel")
TAMPERED, INCOMPLETE, CONFLICT = 1, 2, 5


def wave(ground: Ground, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, *arguments]
    return warm.wave(*command, env={**os.environ, **environment})


def approve(ground: Ground, point: str) -> None:
    asked = ["audit", "erase", "--record", KEY, "--approve", "--as", "ben"]
    done = wave(ground, *asked, **{crash_points.VARIABLE: point})
    assert done.returncode == -signal.SIGKILL, f"{point} was never passed\n{done.stderr}"


def test_an_erasure_that_is_killed_has_done_nothing_or_all(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", canary.RULES, ["m"]) as stub:
        canary.write(ground, stub)
        canary.sing(ground)
        assert wave(ground, "audit", "erase", "--record", KEY, "--basis", "Art. 17", "--as", "ada").returncode == 0
        before = canary.found_in(ground, [KEY, WORD])
        for point in CANCELLING:
            approve(ground, point)
            assert ground.states("sure") == {"waiting": 1}, point
        approve(ground, f"interactions/cancel{crash_points.COMMIT}")
        assert ground.states("sure") == {"cancelled": 1}, "what was cancelled stays so"
        for point in ERASING:
            approve(ground, point)
            assert canary.found_in(ground, [KEY, WORD]) == before, point
        approve(ground, f"erasures/finish{crash_points.COMMIT}")
        assert canary.found_in(ground, [KEY, WORD]) == {}

        # The log does not have it yet: nobody is told that anything was tampered with, and nothing half is given away.
        assert wave(ground, "audit", "verify").returncode == INCOMPLETE
        assert wave(ground, "audit", "export", "--out", str(tmp_path / "early")).returncode == CONFLICT
        assert (
            "there is no record" in wave(ground, "audit", "erase", "--record", KEY, "--approve", "--as", "ben").stderr
        )
        wave(ground, "run", "work", "--resume")
        assert wave(ground, "audit", "verify").returncode == 0
        assert wave(ground, "audit", "export", "--out", str(tmp_path / "late")).returncode == 0
