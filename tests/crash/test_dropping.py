"""Whoever drops old months is killed at every statement: of a range nothing is gone, or all of it; and it goes on."""

from __future__ import annotations

import os
import signal

from tests.audit.test_dropping import drop, month, months, wave
from tests.crash.test_crash_points import DROPPING, ORDERING
from tests.support import warm
from tests.support.projects import Ground

from wave_runner import crash_points
from wave_runner.core.drop import month_of

APPROVE = ("audit", "drop", "--approve", "--as", "ben")


def killed(ground: Ground, point: str) -> None:
    done = warm.wave("--project", ground.folder, *APPROVE, env={**os.environ, crash_points.VARIABLE: point})
    assert done.returncode == -signal.SIGKILL, f"{point} was never passed\n{done.stderr}"


def left(ground: Ground) -> int:
    return int(ground.one("SELECT count(DISTINCT run_id) FROM interactions"))


def asked(ground: Ground, n: int) -> None:
    """Let a project work in so many months, and somebody ask for all but the newest to be dropped."""
    months(ground, n)
    before = month_of(month(ground))
    ground.do(lambda engine: engine.dropping("maria").request(before, basis="policy 7"))


def test_an_order_that_is_killed_is_none_or_whole(ground: Ground):
    asked(ground, 2)
    for point in ORDERING:
        killed(ground, point)
        assert ground.one("SELECT count(*) FROM run_ranges WHERE drop_id IS NOT NULL") == 0, point
    killed(ground, f"drops/approve{crash_points.COMMIT}")
    assert (left(ground), ground.one("SELECT count(*) FROM run_ranges WHERE drop_id IS NOT NULL")) == (2, 1)
    wave(ground, "audit", "verify")
    assert "and there still: runs 1 to 99999" in drop(ground)


def test_a_drop_that_is_killed_goes_on_where_it_was(ground: Ground):
    asked(ground, 3)
    first = "SELECT count(*) FROM interaction_events WHERE run_id = (SELECT min(run_id) FROM interactions)"
    events = ground.one(first)
    for point in DROPPING:
        killed(ground, point)
        assert left(ground) == 3, point
    killed(ground, f"drops/drop_range{crash_points.COMMIT}")
    assert left(ground) == 2
    # The order is in the signed log; that it is done is not yet.
    assert f"({events} events) is to be dropped" in wave(ground, "audit", "verify")
    drop(ground, "--approve", "--as", "eve")
    assert left(ground) == 1
    by = "SELECT DISTINCT data::json ->> 'approved_by' AS by FROM interaction_events WHERE type = 'history_dropped'"
    assert ground.one(by) == "ben", "who goes on with it has not ordered it"
    wave(ground, "audit", "verify")
    wave(ground, "projection", "verify")
