"""Runs that let records vanish, and orders about batches, are killed at their statements: nothing stands by halves."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from tests.crash.points import placed
from tests.runner.test_batches import PERMISSIVE, TABLE, VANISHED, item, states
from tests.support import warm
from tests.support.projects import Ground
from tests.support.refetched import give, refetched, run

from wave_runner import crash_points

WHY = ("--reason", "broken", "--yes")
ENDING = ("batches/declare", "batches/whole", "batches/vanishing", "records/vanish", "batches/settle")
TAKING_UP = ("staging/lock_rows", "staging/copy", "staging_orders/add")
ROLLING_BACK = (
    "records/add_value_writes",
    "invalidations/apply",
    "staging/roll_back",
    "records/unsee",
    "batches/roll_back",
)


def wave(ground: Ground, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, *words]
    told = {**os.environ, **environment}
    return warm.wave(*command, env=told, timeout=240)


def killed(ground: Ground, point: str, *words: str) -> None:
    done = wave(ground, *words, **{crash_points.VARIABLE: point, "WAVE_LEASE_S": "3", "WAVE_RENEW_S": "1"})
    assert done.returncode == -signal.SIGKILL, f"{point} was never passed\n{done.stderr}"


def works(ground: Ground) -> None:
    """Work until no run is unfinished; a kill behind the last COMMIT may have left none."""
    if not ground.one("SELECT count(*) FROM workflow_runs WHERE state = 'running'"):
        return
    done = wave(ground, "run", "work", "--resume", WAVE_LEASE_S="3", WAVE_RENEW_S="1")
    assert done.returncode in (0, 1), done.stderr


@pytest.fixture
def twice(ground: Ground) -> Ground:
    """A source that was fetched, and now gives one row less, one that has changed, a new one and a bad one."""
    refetched(ground, toml="hold_above = 1.0")
    give(ground, [item("a"), item("b"), item("c")])
    assert run(ground) == "completed"
    give(ground, [item("a", "changed"), item("b"), item("d"), item("e", "")])
    return ground


@pytest.mark.parametrize("point", placed(ENDING))
def test_a_run_that_is_killed_where_records_vanish_lets_them_vanish_once(twice: Ground, point: str):
    killed(twice, point, "run", "work")
    works(twice)
    assert twice.sql(VANISHED) == [{"key": "c"}]
    assert twice.one("SELECT count(*) FROM interaction_events WHERE type = 'records_vanished'") == 1
    assert states(twice, 2) == {"promoted": 1, "rejected": 1, "unchanged": 1, "updated": 1}


@pytest.mark.parametrize("point", placed(TAKING_UP))
def test_rows_are_taken_up_by_another_run_once(twice: Ground, point: str):
    assert run(twice) == "completed"
    twice.write("actors/check.py", PERMISSIVE)
    twice.do(lambda engine: engine.approve("check"))
    killed(twice, point, "staging", "revalidate", "2", *WHY)
    if states(twice, 2).get("rejected"):
        assert wave(twice, "staging", "revalidate", "2", *WHY).returncode == 0
    works(twice)
    assert states(twice, twice.one("SELECT max(run_id) FROM workflow_runs")) == {"promoted": 1}
    assert twice.one("SELECT count(*) FROM workflow_runs") == 3
    assert twice.one("SELECT count(*) FROM staging_orders") == 1
    assert twice.items() == {"a": 1, "b": 4, "c": 4, "d": 4, "e": 0}


@pytest.mark.parametrize("point", placed(ROLLING_BACK))
def test_a_rollback_that_is_killed_stands_whole_or_not_at_all(twice: Ground, point: str):
    before = twice.sql(TABLE)
    assert run(twice) == "completed"
    stood = twice.sql(TABLE)
    killed(twice, point, "staging", "rollback", "2", *WHY)
    if "rolled_back" not in states(twice, 2):
        assert (twice.sql(TABLE), twice.sql(VANISHED)) == (stood, [{"key": "c"}])
        done = wave(twice, "staging", "rollback", "2", *WHY, "--expect", "3")
        assert done.returncode == 0, done.stderr
    works(twice)
    assert (twice.sql(TABLE), twice.sql(VANISHED)) == (before, [])
