"""A trial that is killed while it is started, or adopted, stands whole or not at all, and the same command goes on."""

from __future__ import annotations

import signal

import pytest
from tests.crash.test_repair import PLACES, wave
from tests.support.projects import Ground, rows, script

from wave_runner import crash_points

N = 6
BETTER = script("return {'words': 7}")
STARTING = ("runs/create", "experiments/add", "experiments/begin")


@pytest.fixture
def done(ground: Ground) -> Ground:
    ground.project(rows=rows(N))
    assert ground.run() == "completed"
    ground.write("better.py", BETTER)
    return ground


def trial(ground: Ground, **environment: str) -> int:
    command = ("trial", "count", "--with", f"script={ground.folder / 'better.py'}")
    return wave(ground, *command, **environment).returncode


@pytest.mark.parametrize("point", [one + PLACES[n % 2] for n, one in enumerate((*STARTING, "experiments/begin"))])
def test_a_trial_that_is_killed_while_it_begins_stands_whole_or_not_at_all(done: Ground, point: str):
    assert trial(done, **{crash_points.VARIABLE: point}) == -signal.SIGKILL, f"{point} was never passed"
    begun = done.sql("SELECT run_id FROM experiments")
    assert len(begun) == done.one("SELECT count(*) FROM workflow_runs WHERE kind = 'trial'")
    if begun:
        assert done.one("SELECT count(*) FROM counterparts") == N
        assert wave(done, "trial", "resume", str(begun[0]["run_id"])).returncode == 0
    else:
        assert trial(done) == 0
    assert done.one("SELECT count(*) FROM interactions WHERE NOT in_force AND state = 'completed'") == N
    assert set(done.items().values()) == {4}


@pytest.mark.parametrize("point", ["actors/approve", "experiments/adopt", f"experiments/adopt{crash_points.COMMIT}"])
def test_an_adoption_that_is_killed_is_finished_by_the_same_command(done: Ground, point: str):
    assert trial(done) == 0
    [number] = [str(row["run_id"]) for row in done.sql("SELECT run_id FROM experiments")]
    command = ("trial", "adopt", number, "--reason", "better", "--yes")
    assert wave(done, *command, **{crash_points.VARIABLE: point}).returncode == -signal.SIGKILL
    if done.one("SELECT adopted_by IS NULL FROM experiments"):
        assert wave(done, *command).returncode == 0
    assert (done.folder / "actors/count.py").read_text() == BETTER
    assert done.one("SELECT count(*) FROM interaction_events WHERE type = 'trial_adopted'") == 1
    assert done.sql("SELECT name FROM actors WHERE state = 'drifted'") == []
