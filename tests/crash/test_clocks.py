"""Runners whose clocks are wrong, or are set back while they work: what counts is the database's clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.crash import workload
from tests.crash.test_crash_points import ready
from tests.support.projects import Ground, rows, script, wait_until

from wave_runner import crash_points

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
HOUR_S = 3600
# So long that a busy machine loses no lease; a clock that is off by an hour still would.
KEPT = {"WAVE_LEASE_S": "30", "WAVE_RENEW_S": "1"}

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


@pytest.fixture
def one(session_database: str, migrated: str, tmp_path: Path) -> Iterator[Ground]:
    with ready(session_database, migrated, tmp_path) as ground:
        yield ground


def clock(shift: str = "", *, file: Path | None = None) -> dict[str, str]:
    """Return what a process needs for another clock: one that is off by so much, or by what a file says just now.

    The monotonic clock stays as it is, as it does when somebody sets a real one.
    """
    said = {"FAKETIME": shift} if file is None else {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME_DONT_FAKE_MONOTONIC": "1", **said}


def shift_of(environment: Mapping[str, str]) -> float:
    """Return by how many seconds the clock of a process is off that is started so."""
    asked = "import sys, time; print(time.time() - float(sys.argv[1]))"
    command = [sys.executable, "-c", asked, str(time.time())]
    told = {**os.environ, **environment}
    return float(subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout)


def now(ground: Ground) -> datetime:
    return ground.one("SELECT clock_timestamp()")


def check(ground: Ground, began: datetime) -> None:
    """All is done once, and at times of the database's clock."""
    workload.check(ground)
    ended = now(ground)
    for when, of in (
        ("recorded_at", "interaction_events"),
        ("created_at", "interactions"),
        ("finished_at", "interactions"),
        ("heartbeat_at", "runners"),
        ("lease_expires_at", "waves"),
    ):
        [found] = ground.sql(f"SELECT min({when}) AS first, max({when}) AS last FROM {of}")
        assert began <= found["first"] <= found["last"] <= ended + timedelta(seconds=float(KEPT["WAVE_LEASE_S"])), (
            of,
            when,
        )
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_retry_scheduled'") > 0


def nothing_was_lost(ground: Ground) -> None:
    lost = "SELECT count(*) FROM interaction_events WHERE type IN ('wave_expired', 'wave_late_result')"
    assert ground.one(lost) == 0


@pytest.mark.parametrize("shift", ["+1h", "-1h"])
def test_a_runner_whose_clock_is_an_hour_off_goes_by_the_database(one: Ground, shift: str):
    assert abs(shift_of(clock(shift))) > HOUR_S / 2
    began = now(one)
    done = workload.work(one, **KEPT, **clock(shift))
    assert done.returncode == 0, done.stderr
    check(one, began)
    nothing_was_lost(one)


def test_two_runners_whose_clocks_are_two_hours_apart_take_nothing_from_each_other(one: Ground):
    began = now(one)
    one.start()
    early = one.process("runner", **{**workload.SETTINGS, **KEPT, **clock("-1h")})
    late = one.process("runner", **{**workload.SETTINGS, **KEPT, **clock("+1h")})
    with early, late:
        wait_until(lambda: workload.state(one) == "completed")
    check(one, began)
    nothing_was_lost(one)


def test_a_runner_whose_clock_is_late_takes_over_what_one_had_whose_clock_is_early(one: Ground):
    began = now(one)
    done = workload.work(one, **clock("+1h"), **{crash_points.VARIABLE: "interactions/start+commit:3"})
    assert done.returncode == -signal.SIGKILL, done.stderr
    done = workload.work(one, **clock("-1h"))
    assert done.returncode == 0, done.stderr
    check(one, began)
    assert one.one("SELECT count(*) FROM interaction_events WHERE type = 'wave_expired'") > 0


# It is at work until it is let go.
WAITS = script(
    """
    import os, time
    while not os.path.exists(os.path.join(os.environ["WAVE_PROJECT_DIR"], "go")):
        time.sleep(0.01)
    ctx.write("items", {"words": 4})
    return {"words": 4}
    """
)


def test_a_clock_that_is_set_while_a_runner_works_loses_no_lease(ground: Ground):
    ground.project(rows=rows(1), actors={"count": WAITS})
    clock_file = ground.folder / "clock"
    clock_file.write_text("+0\n")
    beats = "SELECT heartbeat_at FROM runners"
    told = {**workload.SETTINGS, "WAVE_LEASE_S": "10", "WAVE_RENEW_S": "0.2", **clock(file=clock_file)}
    with ground.process("run", "work", **told) as running:
        wait_until(lambda: ground.states("count") == {"running": 1})
        for shift in ("+1h\n", "-1h\n", "+0\n", "-2h\n"):
            clock_file.write_text(shift)
            for _ in range(3):
                beat = ground.one(beats)
                wait_until(lambda last=beat: ground.one(beats) > last)
        (ground.folder / "go").touch()
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    assert ground.items() == {"item 0000": 4}
    assert ground.one("SELECT max(attempt) FROM interactions") == 1
    nothing_was_lost(ground)
