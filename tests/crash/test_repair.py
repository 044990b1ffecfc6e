"""`wave rerun` and its undo are killed at every statement of theirs: nothing stands or all of it, and work goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest
from tests.crash.points import placed
from tests.runner.test_repair import LABEL, MORE, STEPS, in_force, values
from tests.support import warm
from tests.support.projects import Ground, Make, rows

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


def wave(ground: Ground, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, *words]
    told = {**os.environ, **environment}
    return warm.wave(*command, env=told, timeout=120)


def works(ground: Ground) -> None:
    done = wave(ground, "run", "work", "--resume")
    assert done.returncode == 0, done.stderr


def to_be_redone(ground: Ground) -> None:
    ground.project(rows=rows(N), steps=STEPS, actors={"label": LABEL})
    assert ground.run() == "completed"
    ground.write("actors/count.py", MORE)
    ground.do(lambda engine: engine.approve("count"))


@pytest.fixture
def done(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(to_be_redone)


@pytest.mark.parametrize("point", placed((*REDOING, "runs/reopen")))
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


@pytest.mark.parametrize("point", placed(UNDOING))
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
