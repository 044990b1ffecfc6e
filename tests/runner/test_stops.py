"""Batch stops: a step whose last results look bad pauses its run; what is known of that is in the database alone."""

from __future__ import annotations

import json

from tests.support.projects import Ground, at_work, ended, script, wait_until

from wave_runner.core.control import Subject

STEPS = """\
count: {{actor: count, input: {{text: record.text}}, output: schemas/count.json, stop: {stop}, next: end}}
"""
SCHEMA = json.dumps({"type": "object", "properties": {"verdict": {"enum": ["FINE", "FAKE"]}}, "required": ["verdict"]})
VERDICTS = script("return {'verdict': {'bad': 'none of these', 'fake': 'FAKE'}.get(item['text'], 'FINE')}")
TOLD = "SELECT data FROM interaction_events WHERE type = 'batch_stopped' ORDER BY event_id"


def texts(*groups: tuple[str, int]) -> list[dict[str, str]]:
    all_texts = [text for text, n in groups for _ in range(n)]
    return [{"name": f"item {n:04}", "text": text} for n, text in enumerate(all_texts)]


def project(ground: Ground, *groups: tuple[str, int], stop: str = "{last: 20, bad: 0.5}") -> Ground:
    files = {"schemas/count.json": SCHEMA}
    return ground.project(rows=texts(*groups), steps=STEPS.format(stop=stop), actors={"count": VERDICTS}, files=files)


def resume(ground: Ground) -> str:
    async def go_on(engine):
        await engine.orders().resume(Subject.RUN, "1")
        async with at_work(engine):
            return await ended(engine, 1)

    return ground.do(go_on)


def told(ground: Ground) -> list[dict[str, object]]:
    return [json.loads(row["data"]) for row in ground.sql(TOLD)]


def begun(ground: Ground) -> int:
    return ground.one("SELECT count(*) FROM interactions WHERE record_id IS NOT NULL AND attempt > 0")


def test_a_run_whose_last_results_look_bad_is_paused_and_goes_on_when_somebody_says_so(ground: Ground):
    project(ground, ("fine", 30), ("bad", 270))
    assert ground.run() == "paused"
    assert begun(ground) < 300, "what nobody had claimed was left alone"
    [said] = told(ground)
    assert (said["step"], said["last"], said["share"]) == ("count", 20, "0.5")
    assert said["bad"] == 11 or said["results"] == 20
    assert ground.one("SELECT paused_by FROM workflow_runs") == "batch_stopped (count)"
    assert "look bad" in ground.one("SELECT message FROM alerts WHERE kind = 'batch_stopped'")

    ground.sql("UPDATE items SET text = 'fine'")
    assert resume(ground) == "failed", "what was quarantined stays so"
    assert ground.one("SELECT count(*) FROM alerts WHERE kind = 'batch_stopped'") == 0
    assert begun(ground) == 300
    assert len(told(ground)) == 1


def test_what_looks_bad_anew_after_it_was_resumed_stops_it_anew(ground: Ground):
    project(ground, ("bad", 400))
    assert ground.run() == "paused"
    before = begun(ground)
    assert resume(ground) == "paused"
    assert before < begun(ground) < 400
    assert len(told(ground)) == 2


def test_as_many_bad_results_as_are_allowed_stop_nothing(ground: Ground):
    project(ground, *[("bad", 10), ("fine", 10)] * 5)
    assert ground.run() == "failed"
    assert told(ground) == []
    assert ground.states("count") == {"completed": 50, "quarantined": 50}


def test_a_value_that_the_file_names_looks_bad_though_it_was_accepted(ground: Ground):
    project(ground, ("fake", 300), stop="{last: 20, bad: 0.5, values: {verdict: FAKE}}")
    assert ground.run() == "paused"
    assert set(ground.states("count")) == {"completed", "pending"}


def test_a_stop_of_the_workflow_is_one_of_each_of_its_steps(ground: Ground):
    project(ground, ("bad", 300), stop="{last: 1000, bad: 0.9}")
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(
        workflow.read_text().replace(" stop: {last: 1000, bad: 0.9},", "") + "stop: {last: 5, bad: 0}\n"
    )
    assert ground.run() == "paused"
    assert told(ground)[0]["last"] == 5


def test_runners_that_are_killed_and_others_agree_on_what_the_last_results_were(ground: Ground):
    """Two processes share the work; one is killed. The window is in the database, so that neither counts for itself."""
    slow = VERDICTS.replace("return", "__import__('time').sleep(0.02)\n        return", 1)
    project(ground, ("fine", 60), ("bad", 400))
    ground.write("actors/count.py", slow)
    ground.start()
    with ground.process("runner") as first, ground.process("runner"):
        wait_until(lambda: begun(ground) > 20)
        first.kill()
        wait_until(lambda: ground.one("SELECT paused_at IS NOT NULL FROM workflow_runs"), patience_s=90)
        wait_until(lambda: not ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL"), patience_s=90)
    assert len(told(ground)) == 1
    assert begun(ground) < 460
    recent = ground.one("SELECT recent FROM last_results")
    assert len(recent) <= 20
