"""`wave rerun` and its undo are killed at every statement of theirs: nothing stands or all of it, and work goes on."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from tests.runner.test_repair import LABEL, MORE, STEPS, in_force, values
from tests.support.projects import WAVE, Ground, rows

from wave_runner import crash_points

N = 6
RERUN = ("rerun", "-w", "work", "--from", "count", "--reason", "wrong", "--yes", "--expect", str(N))
REDOING = (
    *("records/lock", "reruns/add", "runs/add_steps", "reruns/supersede", "run_records/reopen", "reruns/begin_anew"),
    "reruns/seed",
)
UNDOING = (
    "reruns/lock_records",
    "records/add_value_writes",
    "reruns/supersede",
    "reruns/restore",
    "reruns/judge_again",
    "reruns/mark_undone",
)
PLACES = ("", crash_points.COMMIT)


def wave(ground: Ground, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [WAVE, "--project", ground.folder, *words]
    told = {**os.environ, **environment}
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=120, check=False)


def works(ground: Ground) -> None:
    done = wave(ground, "run", "work", "--resume")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def done(ground: Ground) -> Ground:
    ground.project(rows=rows(N), steps=STEPS, actors={"label": LABEL})
    assert ground.run() == "completed"
    ground.write("actors/count.py", MORE)
    ground.do(lambda engine: engine.approve("count"))
    return ground


@pytest.mark.parametrize("point", [one + PLACES[n % 2] for n, one in enumerate((*REDOING, "runs/reopen"))])
def test_a_rerun_that_is_killed_stands_whole_or_not_at_all(done: Ground, point: str):
    stood = in_force(done)
    killed = wave(done, *RERUN, **{crash_points.VARIABLE: point})
    assert killed.returncode == -signal.SIGKILL, f"{point} was never passed\n{killed.stderr}"
    began = done.one("SELECT count(*) FROM reruns WHERE generation > 0")
    if began:
        assert done.one("SELECT count(*) FROM interactions WHERE superseded_by IS NOT NULL") == 2 * N
    else:
        assert in_force(done) == stood
        again = wave(done, *RERUN)
        assert again.returncode == 0, again.stderr
    works(done)
    assert set(map(str, values(done).values())) == {"(104, ['has 104'])"}
    assert done.one("SELECT count(*) FROM interactions") == 2 + 4 * N


@pytest.mark.parametrize("point", [one + PLACES[n % 2] for n, one in enumerate(UNDOING)])
def test_an_undo_that_is_killed_stands_whole_or_not_at_all(done: Ground, point: str):
    stood, counted = values(done), in_force(done)
    assert wave(done, *RERUN).returncode == 0
    works(done)
    killed = wave(done, "rerun", "undo", "1", "--yes", **{crash_points.VARIABLE: point})
    assert killed.returncode == -signal.SIGKILL, f"{point} was never passed\n{killed.stderr}"
    if done.one("SELECT undone_at IS NULL FROM reruns WHERE generation = 1"):
        assert set(map(str, values(done).values())) == {"(104, ['has 104'])"}
        assert wave(done, "rerun", "undo", "1", "--yes").returncode == 0
    works(done)
    assert (values(done), in_force(done)) == (stood, counted)
