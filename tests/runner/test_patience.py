"""How long an attempt may take comes from what has been measured, and what waits too long is quarantined."""

from __future__ import annotations

from pathlib import Path

from tests.runner.test_shared_limits import SLOW_ANSWER, writing
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, rows, run_to_end, script
from tests.support.waiting import wait_until

STEP = "slow: {actor: slow, input: {text: record.text}, next: end}\n"


def test_attempts_are_measured_for_all_runners(ground: Ground):
    ground.project(rows=rows(40), steps=STEP, actors={"slow": script("import time\ntime.sleep(0.01)\nreturn {}")})
    assert ground.run() == "completed"
    [queue] = ground.sql("SELECT samples, p99_s FROM queues JOIN actors USING (actor_id) WHERE name = 'slow'")
    assert queue["samples"] == 40
    assert 0.01 <= queue["p99_s"] < 1


def test_what_is_measured_limits_an_attempt(ground: Ground):
    """Thirty take no time at all, so that the next one is not given five minutes."""
    body = "import time\nif ctx.record.endswith('0030'):\n    time.sleep(600)\nreturn {}"
    toml = "[scripts.slow]\ntimeout_floor_s = 0.3\nmax_attempts = 1\n"
    ground.project(rows=rows(31), steps=STEP, actors={"slow": script(body)}, toml=toml)
    ground.sql("UPDATE queues SET samples = 0")
    run_id = ground.do(begin)
    ground.sql("UPDATE queues SET samples = 30, p99_s = 0.01")
    ground.do(lambda engine: run_to_end(engine, run_id))
    assert ground.states("slow") == {"completed": 30, "failed": 1}
    assert ground.one("SELECT error FROM interactions WHERE state = 'failed'").startswith("not done after 0.3 s")


async def begin(engine):  # type: ignore[no-untyped-def]
    await engine.sync()
    return await engine.new_runs().start("work", {})


def test_what_waits_too_long_is_quarantined_and_goes_where_its_workflow_says(ground: Ground):
    steps = (
        "slow: {actor: slow, input: {text: record.text}, queue_timeout_s: 0.2, next: end, on_timeout: late}\n"
        "late: {actor: late, input: {text: record.text}, writes: [items.note], next: end}\n"
    )
    actors = {"slow": script("return {}"), "late": script("ctx.write('items', {'note': 'late'})\nreturn {}")}
    ground.project(rows=rows(5), steps=steps, actors=actors)
    run_id = ground.start()
    ground.sql("UPDATE actors SET paused_at = now(), paused_by = 'test' WHERE name = 'slow'")
    with ground.process("runner"):
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
    assert ground.states("slow") == {"quarantined": 5}
    assert ground.sql("SELECT DISTINCT rule, error_class, attempt FROM interactions WHERE state = 'quarantined'") == [
        {"rule": "waited_too_long", "error_class": "timeout", "attempt": 0}
    ]
    assert ground.one("SELECT count(*) FROM items WHERE note = 'late'") == 5


def test_a_run_whose_time_is_up_is_cancelled(ground: Ground):
    ground.project(rows=rows(5), steps=STEP, actors={"slow": script("import time\ntime.sleep(600)\nreturn {}")})
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text().replace("steps:", "timeout: 1s\nsteps:", 1))
    assert ground.run() == "cancelled"
    assert ground.one("SELECT cancelled_by FROM workflow_runs") == "the time limit of its workflow"


def test_old_work_goes_before_new_work_that_is_a_little_more_urgent(ground: Ground):
    ground.project(rows=rows(1))
    first = ground.start()
    ground.sql("UPDATE workflow_runs SET started_at = started_at - interval '3 hours' WHERE run_id = %s", first)
    ranks = ground.sql("SELECT run_rank(r) AS rank FROM workflow_runs r")
    ground.sql("UPDATE workflow_runs SET started_at = now(), priority = 2 WHERE run_id = %s", first)
    ranks += ground.sql("SELECT run_rank(r) AS rank FROM workflow_runs r")
    ground.sql("UPDATE workflow_runs SET priority = 4 WHERE run_id = %s", first)
    ranks += ground.sql("SELECT run_rank(r) AS rank FROM workflow_runs r")
    old, urgent, more_urgent = (row["rank"] for row in ranks)
    assert more_urgent < old < urgent


def test_what_was_claimed_in_time_and_is_begun_too_late_is_quarantined_too(ground: Ground, tmp_path: Path):
    """All are claimed in one wave and asked one after the other, each for as long as the slow answer takes."""
    with OpenAIStub(tmp_path / "stub", [SLOW_ANSWER]) as stub:
        writing(ground, stub.url, n=12, server="slots = 1")
        workflow = ground.folder / "workflows/work.yaml"
        workflow.write_text(workflow.read_text().replace("write: {", "write: {queue_timeout_s: 1.5, ", 1))
        assert ground.run() == "failed"
    late = ground.states("write")["quarantined"]
    assert late + ground.states("write")["completed"] == 12
    assert set(ground.troubles().values()) == {"waited_too_long"}
    began = ground.one(
        "SELECT max(extract(epoch FROM started_at - waits_since))::float8 FROM interactions "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) WHERE s.name = 'write'"
    )
    assert began < 2.5
