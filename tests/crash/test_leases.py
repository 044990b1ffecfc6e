"""Leases by the database's clock: taken back in time, kept as long as work takes, and a zombie changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.projects import COUNT, Ground, rows, wait_until

LEASE_S = 1.5
SETTINGS = {"WAVE_LEASE_S": str(LEASE_S), "WAVE_RENEW_S": "0.4", "WAVE_GRACE_S": "0"}
N = 200
ROUNDS = 3


def slow(ground: Ground, *, n: int, seconds: float) -> Ground:
    sleeping = f"        import time\n        time.sleep({seconds})\n        words ="
    ground.project(
        rows=rows(n), actors={"count": COUNT.replace("        words =", sleeping)}, ensures=["record.words == 4"]
    )
    ground.start()
    return ground


@contextmanager
def runners(ground: Ground, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ground.process("runner", **SETTINGS)) for _ in range(count)]


def at_work(ground: Ground) -> list[int]:
    """The processes that have items in hand."""
    found = ground.sql(
        "SELECT DISTINCT n.pid FROM interactions i JOIN waves w USING (wave_id) JOIN runners n USING (runner_id) "
        "WHERE i.state = 'running' AND i.record_id IS NOT NULL AND w.closed_at IS NULL"
    )
    return [row["pid"] for row in found]


STEADY = f"""
    SELECT count(*) FROM runners WHERE ended_at IS NULL AND heartbeat_at - started_at > interval '{2 * LEASE_S} s'
"""
ITS_WAVE = "SELECT min(wave_id) FROM waves JOIN runners USING (runner_id) WHERE pid = %s AND closed_at IS NULL"
EXPIRED_AT = "SELECT max(recorded_at) FROM interaction_events WHERE type = 'wave_expired' AND wave_id = %s"


def test_what_a_killed_runner_held_is_taken_back_within_its_lease_and_two_seconds(ground: Ground):
    slow(ground, n=N, seconds=0.2)
    with ExitStack() as stack:
        crew = {one.pid: one for one in stack.enter_context(runners(ground, 2))}
        taken = []
        for _ in range(ROUNDS):
            taken.append(seconds_until_taken_back(ground, crew))
            again = stack.enter_context(ground.process("runner", **SETTINGS))
            crew[again.pid] = again
    assert min(taken) <= LEASE_S + 2, taken


def seconds_until_taken_back(ground: Ground, crew: dict[int, subprocess.Popen[str]]) -> float:
    """Kill a runner that has work in hand; return the seconds, on the database's clock, until it was taken back."""
    # Who is left has to have been in touch for a lease before it may take anything.
    wait_until(lambda: ground.one(STEADY) >= 2)
    wait_until(lambda: at_work(ground))
    [victim, *_] = at_work(ground)
    wave = ground.one(ITS_WAVE, victim)
    killed_at = ground.one("SELECT clock_timestamp()")
    crew.pop(victim).kill()
    return (wait_until(lambda: ground.one(EXPIRED_AT, wave)) - killed_at).total_seconds()


def test_a_step_that_takes_twenty_leases_is_done_once(ground: Ground):
    slow(ground, n=1, seconds=20 * LEASE_S)
    with runners(ground, 2):
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs") == "completed")
    assert ground.one("SELECT max(attempt) FROM interactions") == 1
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'wave_expired'") == 0
    longest = "SELECT extract(epoch FROM max(finished_at - started_at))::float8 FROM interactions"
    assert ground.one(longest) >= 20 * LEASE_S


def test_regression_e_a_runner_that_wakes_after_three_leases_changes_nothing(ground: Ground):
    """Regression test E: a runner is frozen in mid-work, others do it, and what it then brings is not taken."""
    slow(ground, n=20, seconds=0.2)
    with runners(ground, 1) as [zombie]:
        wait_until(lambda: at_work(ground))
        os.kill(zombie.pid, signal.SIGSTOP)
        frozen_at = ground.one("SELECT clock_timestamp()")
        with runners(ground, 1):
            wait_until(lambda: ground.one("SELECT state FROM workflow_runs") == "completed")
            over = f"SELECT clock_timestamp() - %s > interval '{3 * LEASE_S} s'"
            wait_until(lambda: ground.one(over, frozen_at))
            before = ground.sql("SELECT run_id, interaction_id, seq, state, attempt FROM interactions ORDER BY 1, 2")
            written = ground.one("SELECT count(*) FROM value_writes")
            os.kill(zombie.pid, signal.SIGCONT)
            beaten = "SELECT count(*) FROM runners WHERE pid = %s AND heartbeat_at > %s"
            woken_at = ground.one("SELECT clock_timestamp()")
            wait_until(lambda: ground.one(beaten, zombie.pid, woken_at))
            zombie.terminate()
            zombie.wait(60)
    assert ground.sql("SELECT run_id, interaction_id, seq, state, attempt FROM interactions ORDER BY 1, 2") == before
    assert ground.one("SELECT count(*) FROM value_writes") == written == 20
    assert ground.items() == {f"item {n:04}": 4 for n in range(20)}
