"""What somebody says of work under way: at once for what waits, soon for what runs, and nothing lost by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from tests.support import warm
from tests.support.projects import COUNT, Ground, rows, script, wait_until

from wave_runner import crash_points

N = 30
LEASE = {"WAVE_LEASE_S": "2", "WAVE_RENEW_S": "0.3"}
SLOW = COUNT.replace("        words =", "        import time\n        time.sleep(0.1)\n        words =")
TWICE = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: again}
again: {actor: other, input: {text: record.text}, writes: [items.note], next: end}
"""
OTHER = script("ctx.write('items', {'note': 'x'})\nreturn {}")


@pytest.fixture
def slow(ground: Ground) -> Ground:
    """A project of which each record takes a while, and then a moment."""
    return ground.project(rows=rows(N), steps=TWICE, actors={"count": SLOW, "other": OTHER})


def wave(ground: Ground, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, *words]
    return warm.wave(*command, env={**os.environ, **LEASE, **more})


def state(ground: Ground) -> str:
    return ground.one("SELECT run_state(r) FROM workflow_runs r ORDER BY run_id DESC LIMIT 1")


def running(ground: Ground) -> int:
    return ground.one("SELECT count(*) FROM interactions WHERE state = 'running' AND record_id IS NOT NULL")


def events(ground: Ground, type: str) -> list[dict[str, object]]:
    found = ground.sql("SELECT data FROM interaction_events WHERE type = %s::event_type ORDER BY event_id", type)
    return [json.loads(row["data"]) for row in found]


def test_a_run_that_is_resumed_while_its_workflow_is_paused_is_said_to_wait(slow: Ground):
    run = str(slow.start())
    for subject in (("run", run), ("workflow", "work")):
        assert wave(slow, "pause", *subject).returncode == 0
    done = wave(slow, "resume", "run", run)
    assert (done.returncode, done.stdout) == (0, f"run {run}: goes on\n")
    assert "workflow work is paused: wave resume workflow work" in done.stderr
    assert wave(slow, "resume", "workflow", "work").returncode == 0
    assert state(slow) == "running"


def test_a_paused_run_begins_nothing_and_goes_on_when_it_is_resumed(slow: Ground):
    run = str(slow.start())
    assert wave(slow, "pause", "run", run).returncode == 0
    done = wave(slow, "run", "work", "--resume")
    assert done.returncode == 6
    assert f"wave resume run {run}" in done.stderr
    assert slow.one("SELECT count(*) FROM interactions WHERE attempt > 0") == 0
    assert json.loads(wave(slow, "status", "--json").stdout)["run"]["state"] == "paused"
    assert "paused by " in wave(slow, "status").stdout
    assert "was paused already" in wave(slow, "pause", "run", run).stdout
    assert wave(slow, "resume", "run", run).returncode == 0
    assert wave(slow, "run", "work", "--resume").returncode == 0
    assert [one["subject"] for one in events(slow, "paused") + events(slow, "resumed")] == ["run", "run"]


def test_what_waits_in_a_paused_run_stands_in_nobodys_way(slow: Ground):
    """Parked work is not in the index of claims; the work of another run goes past it."""
    with slow.process("run", "work", **LEASE) as first:
        wait_until(lambda: running(slow) > 0)
        run = slow.one("SELECT max(run_id) FROM workflow_runs")
        assert wave(slow, "drain", "run", str(run)).returncode == 0
        assert running(slow) == 0
        assert first.wait(60) == 6
    with slow.process("runner", **LEASE):
        parked = "SELECT count(*) FROM interactions WHERE ready_at = 'infinity'"
        wait_until(
            lambda: slow.one(parked) == slow.one("SELECT count(*) FROM interactions WHERE state = 'pending'") > 0
        )
        assert wave(slow, "resume", "run", str(run)).returncode == 0
        wait_until(lambda: state(slow) == "completed")
    assert slow.items() == {f"item {n:04}": 4 for n in range(N)}
    assert slow.one("SELECT count(*) FROM value_writes") == 2 * N


def test_a_paused_workflow_holds_runs_that_come_later(slow: Ground):
    slow.do(lambda engine: engine.sync())
    assert wave(slow, "pause", "workflow", "work").returncode == 0  # before any run of it
    slow.start()
    slow.start()
    done = wave(slow, "run", "work", "--resume")
    assert (done.returncode, "wave resume workflow work" in done.stderr) == (6, True)
    assert slow.one("SELECT count(*) FROM interactions WHERE attempt > 0") == 0


def test_a_paused_actor_keeps_its_steps_and_lets_the_others_go_on(slow: Ground):
    slow.start()
    assert wave(slow, "pause", "actor", "other").returncode == 0
    done = wave(slow, "run", "work", "--resume")
    assert (done.returncode, "wave resume actor other" in done.stderr) == (5, True)
    assert slow.states("count") == {"completed": N}
    assert slow.states("again") == {"pending": N}
    assert wave(slow, "resume", "actor", "other").returncode == 0
    assert wave(slow, "run", "work", "--resume").returncode == 0


def test_cancel_says_what_it_would_do_and_then_ends_all_of_a_run(slow: Ground):
    """What runs at that moment would take half a minute: it is stopped, and what it has come to is not taken."""
    slow.write("actors/count.py", SLOW.replace("0.1", "1"))
    with slow.process("runner", **LEASE) as runner:
        run = str(slow.start())
        wait_until(lambda: running(slow) > 0)
        previewed = wave(slow, "cancel", "run", run)
        assert previewed.returncode == 0
        assert "nothing is done yet" in previewed.stdout
        refused = wave(slow, "cancel", "run", run, "--yes", "--expect", "0")
        assert refused.returncode == 5
        assert state(slow) == "running"
        assert wave(slow, "cancel", "run", run, "--yes").returncode == 0
        wait_until(lambda: state(slow) == "cancelled")
        assert slow.one("SELECT count(*) FROM interactions WHERE finished_at IS NULL") == 0
        assert slow.one("SELECT count(*) FROM run_records WHERE state NOT IN ('completed', 'incomplete')") == 0
        wait_until(lambda: slow.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0)
        assert runner.poll() is None
    late = slow.one(
        "SELECT count(*) FROM value_writes v JOIN interactions USING (run_id, interaction_id) WHERE state = 'cancelled'"
    )
    assert late == 0
    assert len(events(slow, "run_cancelled")) == 1
    assert len(events(slow, "interaction_cancelled")) == slow.states("count").get("cancelled", 0) + slow.states(
        "again"
    ).get("cancelled", 0)


def test_a_cancel_that_dies_is_ended_by_a_runner(slow: Ground):
    run = str(slow.start())
    dead = wave(slow, "cancel", "run", run, "--yes", **{crash_points.VARIABLE: "control/cancel_runs+commit"})
    assert dead.returncode == -signal.SIGKILL
    assert wave(slow, "run", "work", "--resume").returncode == 1
    assert state(slow) == "cancelled"
    assert "cancelled by " in wave(slow, "status").stdout
    assert slow.one("SELECT count(*) FROM interactions WHERE attempt > 0") == 0


def test_a_cancelled_actor_ends_its_steps_and_the_run_goes_on_without_them(ground: Ground):
    steps = """\
    first: {actor: first, input: {text: record.text}, next: {all: [count, side]}}
    count: {actor: count, input: {text: record.text}, writes: [items.words], next: meet}
    side: {actor: side, next: meet}
    meet: {after: [count, side], join: any, actor: other, writes: [items.note], next: end}
    """
    pass_on = script("return {}")
    ground.project(rows=rows(3), steps=steps, actors={"first": pass_on, "side": pass_on, "other": OTHER})
    ground.start()
    assert wave(ground, "pause", "actor", "side").returncode == 0
    assert wave(ground, "run", "work", "--resume").returncode == 5
    assert wave(ground, "cancel", "actor", "side", "--yes").returncode == 0
    assert wave(ground, "run", "work", "--resume").returncode == 1
    assert ground.states("side") == {"cancelled": 3}
    assert ground.states("meet") == {"completed": 3}
    assert ground.one("SELECT count(*) FROM run_records WHERE broken LIKE '%%side cancelled: cancelled by %%'") == 3


def test_a_task_of_a_cancelled_run_is_withdrawn_and_nobody_can_decide_it(ground: Ground):
    form = {"type": "object", "properties": {"verdict": {"enum": ["GOOD", "BAD"]}}, "required": ["verdict"]}
    steps = """\
    review: {human: reviewers, form: schemas/form.json, input: {text: record.text}, next: keep}
    keep: {actor: keep, input: {verdict: review.verdict}, writes: [items.note], next: end}
    """
    keep = script("ctx.write('items', {'note': item['verdict']})\nreturn {}")
    ground.project(rows=rows(2), steps=steps, actors={"keep": keep}, files={"schemas/form.json": json.dumps(form)})
    assert ground.run() == "waiting"
    task = str(ground.one("SELECT min(interaction_id) FROM tasks"))
    assert wave(ground, "tasks", "claim", task, "--as", "maria").returncode == 0
    assert wave(ground, "cancel", "run", "1", "--yes").returncode == 0
    assert wave(ground, "tasks", "decide", task, "--as", "maria", "--set", "verdict=GOOD").returncode == 5
    assert json.loads(wave(ground, "tasks", "list", "--json").stdout)["rows"] == []
    assert (
        ground.sql("SELECT withdrawn, decided_at IS NULL AS open FROM tasks")
        == [{"withdrawn": True, "open": False}] * 2
    )
    assert wave(ground, "run", "work", "--resume").returncode == 1
    assert state(ground) == "cancelled"
    assert ground.one("SELECT count(*) FROM decisions") == 0


def runner_id(ground: Ground) -> str:
    return str(ground.one("SELECT runner_id FROM runners WHERE ended_at IS NULL"))


def test_a_runner_that_is_drained_finishes_what_it_has_and_ends(slow: Ground):
    slow.start()
    with slow.process("runner", **LEASE) as process:
        wait_until(lambda: running(slow) > 0)
        listed = json.loads(wave(slow, "report", "runners", "--json").stdout)["rows"]
        assert [(one["told"], one["heard"], one["waves"]) for one in listed] == [("work", True, 1)]
        assert wave(slow, "drain", "runner", runner_id(slow)).returncode == 0
        assert process.wait(30) == 0
    assert slow.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_released'") == 0
    assert slow.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0
    assert events(slow, "runner_told")[0]["told"] == "drain"
    assert wave(slow, "drain", "runner", "nobody").returncode == 4


def test_a_runner_that_is_paused_claims_nothing_until_it_is_told_to_work(slow: Ground):
    with slow.process("runner", **LEASE):
        wait_until(lambda: slow.one("SELECT count(*) FROM runners") == 1)
        name = runner_id(slow)
        assert wave(slow, "pause", "runner", name).returncode == 0
        said = "SELECT max(recorded_at) FROM interaction_events WHERE type = 'runner_told'"  # a heartbeat hears it
        told = f"SELECT count(*) FROM runners WHERE told = 'pause' AND heartbeat_at > ({said})"
        wait_until(lambda: slow.one(told) == 1)
        slow.start()
        with slow.process("runner", **LEASE) as second:
            wait_until(lambda: running(slow) > 0)
            assert slow.one("SELECT count(*) FROM waves WHERE runner_id::text = %s", name) == 0
            second.kill()
        assert wave(slow, "resume", "runner", name).returncode == 0
        wait_until(lambda: state(slow) == "completed")


def test_a_runner_that_is_stopped_gives_back_what_it_has(slow: Ground):
    slow.start()
    with slow.process("runner", **LEASE) as process:
        wait_until(lambda: running(slow) > 0)
        assert wave(slow, "cancel", "runner", runner_id(slow), "--yes").returncode == 0
        assert process.wait(30) == 0
    assert slow.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_released'") > 0
    assert slow.one("SELECT count(*) FROM interactions WHERE crashes > 0 OR state = 'cancelled'") == 0
    assert wave(slow, "run", "work", "--resume").returncode == 0
