"""Runners that are killed or frozen in mid-wave: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest
from tests.support.projects import COUNT, Ground, rows, wait_until

from wave_runner.store import embedded

N = 40
SLOW = COUNT.replace("        words =", "        import time\n        time.sleep(0.05)\n        words =")
LEASE = {"WAVE_LEASE_S": "2", "WAVE_RENEW_S": "0.5", "WAVE_GRACE_S": "0"}


@pytest.fixture
def slow(ground: Ground) -> Ground:
    """A project of which each record takes a while, twice."""
    steps = """\
    count: {actor: count, input: {text: record.text}, writes: [items.words], next: again}
    again: {actor: count, input: {text: record.text}, writes: [items.words], next: end}
    """
    ground.project(rows=rows(N), steps=steps, actors={"count": SLOW}, ensures=["record.words == 4"])
    return ground


def begun(ground: Ground) -> bool:
    """Whether records are being worked on at this moment."""
    return ground.one("SELECT count(*) FROM interactions WHERE record_id IS NOT NULL AND state = 'running'") > 0


def started(ground: Ground) -> bool:
    return ground.one("SELECT to_regclass('items') IS NOT NULL") and begun(ground)


def resume(ground: Ground) -> None:
    with ground.process("run", "work", "--resume", **LEASE) as second:
        assert second.wait(60) == 0, second.stderr.read()


def nothing_lost_and_nothing_doubled(ground: Ground) -> None:
    assert ground.items() == {f"item {n:04}": 4 for n in range(N)}
    assert ground.sql("SELECT state FROM workflow_runs") == [{"state": "completed"}]
    assert ground.states("again") == {"completed": N}
    completed = (
        "SELECT count(*), count(DISTINCT interaction_id) FROM interaction_events WHERE type = 'interaction_completed'"
    )
    assert set(ground.sql(completed)[0].values()) == {2 + 2 * N}
    assert ground.one("SELECT count(*) FROM value_writes") == 2 * N
    assert ground.one("SELECT count(*) FROM staged_records") == N
    assert ground.one("SELECT count(*) FROM interactions") == 2 + 2 * N
    assert ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0
    gaps = "SELECT interaction_id FROM interaction_events WHERE seq IS NOT NULL GROUP BY 1 HAVING max(seq) <> count(*)"
    assert ground.sql(gaps) == []


def test_a_runner_that_is_killed_in_mid_wave_leaves_what_a_second_one_finishes(slow: Ground):
    with slow.process("run", "work", **LEASE) as first:
        wait_until(lambda: started(slow))
        first.kill()
        first.wait()
    assert begun(slow)
    resume(slow)
    nothing_lost_and_nothing_doubled(slow)
    assert slow.one("SELECT count(*) FROM interaction_events WHERE type = 'wave_expired'") >= 1


def test_a_runner_that_wakes_after_others_did_its_work_changes_nothing(slow: Ground):
    with slow.process("run", "work", **LEASE) as zombie:
        wait_until(lambda: started(slow))
        os.kill(zombie.pid, signal.SIGSTOP)
        assert begun(slow)
        resume(slow)
        os.kill(zombie.pid, signal.SIGCONT)
        assert zombie.wait(60) == 0, zombie.stderr.read()
    nothing_lost_and_nothing_doubled(slow)


def test_ctrl_c_in_mid_wave_gives_the_work_back_uncharged(slow: Ground):
    with slow.process("run", "work", **LEASE) as first:
        wait_until(lambda: started(slow))
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 130
    assert not begun(slow)
    assert slow.one("SELECT count(*) FROM interactions WHERE crashes > 0 OR suspect IS NOT NULL") == 0
    assert slow.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_lease_expired'") == 0
    assert slow.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0
    resume(slow)
    nothing_lost_and_nothing_doubled(slow)


def test_two_processes_that_work_at_once_do_each_record_once(slow: Ground):
    with slow.process("run", "work", **LEASE) as first:
        wait_until(lambda: started(slow))
        with slow.process("run", "work", "--resume", **LEASE) as second:
            assert [process.wait(60) for process in (first, second)] == [0, 0]
    nothing_lost_and_nothing_doubled(slow)
    assert slow.one("SELECT count(*) FROM interactions WHERE attempt <> 1") == 0


def test_a_run_goes_on_when_the_embedded_server_under_it_was_killed(slow: Ground):
    (slow.folder / ".env").unlink()
    wave_dir = slow.folder / ".wave"
    with slow.process("run", "work", **LEASE) as running:
        database = embedded.start(wave_dir)
        try:
            inside = replace(slow, url=database.url)
            wait_until(lambda: started(inside))
            os.kill(int((wave_dir / "postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            _, said = running.communicate(timeout=120)
            assert running.returncode == 0, said
            nothing_lost_and_nothing_doubled(inside)
        finally:
            database.release()
            embedded.remove(wave_dir)
