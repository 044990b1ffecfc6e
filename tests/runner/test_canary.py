"""Canaries: the first records go through alone; whether the others follow stands in the database, not in a process."""

from __future__ import annotations

import json

import pytest
from tests.runner.test_trial import begin, work
from tests.support import warm
from tests.support.projects import SHORT_LEASE, Ground, at_work, ended, run_to_end, script, wait_until
from tests.support.selecting import fill, selecting

from wave_runner.core.control import Subject
from wave_runner.engine import Engine

STEPS = """\
score: {actor: score, input: {text: record.text}, output: schemas/score.json, next: save}
save: {actor: save, input: {note: score.note}, writes: [items.words], next: end}
"""
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": ["REAL", "FAKE"]}, "note": {"type": "string"}},
        "required": ["verdict", "note"],
    }
)
SCORE = script("return {'verdict': 'FAKE' if 'fake' in item['text'] else 'REAL', 'note': item['text']}")
LOUD = script("return {'verdict': 'LOUD', 'note': item['text']}")
SAVE = script("ctx.write('items', {'words': len(item['note'])})\nreturn {}")
BEGUN = "SELECT count(*) FROM run_records WHERE run_id = (SELECT max(run_id) FROM workflow_runs)"


def project(ground: Ground, texts: list[str], canary: str = "{records: 5}", score: str = SCORE) -> Ground:
    rows = [{"name": f"item {n:04}", "text": text} for n, text in enumerate(texts)]
    ground.project(rows=rows, steps=STEPS, actors={"score": score, "save": SAVE}, files={"schemas/score.json": SCHEMA})
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text() + f"canary: {canary}\n")
    return ground


def run(ground: Ground, **given) -> str:
    async def to_end(engine: Engine) -> str:
        await engine.sync(dev=True)
        return await run_to_end(engine, await engine.new_runs().start("work", {}, **given))

    return ground.do(to_end)


def go_on(ground: Ground, *, resume: bool = True) -> str:
    run_id = ground.one("SELECT max(run_id) FROM workflow_runs")

    async def work(engine: Engine) -> str:
        if resume:
            await engine.orders().resume(Subject.RUN, str(run_id))
        async with at_work(engine):
            return await ended(engine, run_id)

    return ground.do(work)


def judged(ground: Ground) -> dict:
    """What the newest verdict says, each gate by its name."""
    data = json.loads(
        ground.sql("SELECT data FROM interaction_events WHERE type = 'canary_judged' ORDER BY event_id")[-1]["data"]
    )
    return {**data, "gates": {gate["gate"]: gate for gate in data["gates"]}}


def test_a_canary_that_passes_goes_first_and_the_others_follow(ground: Ground):
    project(ground, ["some text"] * 30)
    assert run(ground) == "completed"
    said = judged(ground)
    assert (said["records"], said["passed"], said["before"]) == (5, True, None)
    assert said["gates"]["quarantined more"]["holds"] is None, "there is no run before"
    first = "SELECT min(event_id) FROM interaction_events WHERE type = 'canary_judged'"
    begun_before = (
        "SELECT DISTINCT key FROM interaction_events e JOIN interactions i USING (run_id, interaction_id) "
        f"JOIN records USING (record_id) WHERE type = 'interaction_started' AND e.event_id < ({first}) ORDER BY key"
    )
    assert [row["key"] for row in ground.sql(begun_before)] == [f"item {n:04}" for n in range(5)]
    assert ground.one("SELECT count(*) FROM run_records WHERE state = 'completed'") == 30


def test_a_canary_that_fails_holds_the_others_until_somebody_resumes_the_run(ground: Ground):
    project(ground, ["some text"] * 30, score=LOUD)
    assert run(ground) == "paused"
    assert ground.one(BEGUN) == 5
    said = judged(ground)
    assert (said["passed"], said["pauses"]) == (False, True)
    assert said["gates"]["quarantined most"] == {
        "gate": "quarantined most",
        "limit": "0.25",
        "found": "1.0",
        "before": None,
        "holds": False,
    }
    message = ground.one("SELECT message FROM alerts WHERE kind = 'canary_failed'")
    assert message == "the first 5 records: quarantined most is 1 and may be 0.25"
    assert ground.one("SELECT paused_by FROM workflow_runs") == "canary"
    assert go_on(ground, resume=False) == "paused", "no runner goes on by itself"
    assert ground.one(BEGUN) == 5
    assert go_on(ground) == "failed"
    assert ground.one(BEGUN) == 30
    assert ground.one("SELECT count(*) FROM alerts WHERE kind = 'canary_failed'") == 0


def test_a_run_whose_canary_has_failed_can_be_cancelled_and_nothing_more_was_begun(ground: Ground):
    project(ground, ["some text"] * 30, score=LOUD)
    assert run(ground) == "paused"
    ground.do(lambda engine: engine.orders().cancel(Subject.RUN, "1"))
    assert go_on(ground, resume=False) == "cancelled"
    assert ground.one(BEGUN) == 5


def test_what_only_asks_waits_though_every_gate_holds(ground: Ground):
    project(ground, ["some text"] * 30, canary="{records: 5, then: ask}")
    assert run(ground) == "paused"
    said = judged(ground)
    assert (said["passed"], said["pauses"]) == (True, True)
    assert ground.one("SELECT count(*) FROM alerts") == 0
    assert go_on(ground) == "completed"


def test_what_goes_on_whatever_comes_has_an_alert(ground: Ground):
    project(ground, ["some text"] * 30, canary="{records: 5, then: go_on}", score=LOUD)
    assert run(ground) == "failed"
    assert ground.one(BEGUN) == 30
    assert ground.one("SELECT count(*) FROM alerts WHERE kind = 'canary_failed'") == 1


GATES = """{records: 10, gates: {
  quarantined: {most: 0.2}, seconds: {score: {most: 60, times: 1000000}},
  length: {score.note: {least: 5, times: 2}}, shares: {score.verdict: {most: {FAKE: 0.9}, distance: 0.3}}}}"""


@pytest.mark.parametrize(
    ("texts", "broken"),
    [
        (["some text"] * 10, set()),
        (["a fake text"] * 10, {"shares score.verdict most FAKE", "shares score.verdict distance"}),
        (["a far, far longer text than it was"] * 10, {"length score.note times"}),
        (["text"] * 10, {"length score.note least", "length score.note times"}),
    ],
)
def test_results_are_held_against_the_run_before(ground: Ground, texts: list[str], broken: set[str]):
    project(ground, ["some text"] * 8 + ["fake text"] * 2, canary=GATES)
    assert run(ground, canary=0) == "completed"
    assert ground.sql("SELECT 1 FROM interaction_events WHERE type = 'canary_judged'") == []
    project(ground, [], canary=GATES)
    rows = [{"name": f"other {n:04}", "text": text} for n, text in enumerate(texts + ["some text"] * 20)]
    ground.write("actors/fetch.py", _fetch(rows))
    assert run(ground) == ("paused" if broken else "completed")
    said = judged(ground)
    assert {name for name, gate in said["gates"].items() if gate["holds"] is False} == broken
    assert said["before"] == 1


def test_an_experiment_is_no_run_before(ground: Ground):
    project(ground, ["some text"] * 10)
    assert run(ground) == "completed"
    assert work(ground, begin(ground, "score")) == "completed"
    ground.write("actors/fetch.py", _fetch([{"name": f"other {n:04}", "text": "some text"} for n in range(10)]))
    assert run(ground) == "completed"
    assert judged(ground)["before"] == 1


def _fetch(rows: list[dict[str, str]]) -> str:
    from tests.support.projects import FETCH

    return FETCH.format(rows=json.dumps(rows))


def test_a_run_with_fewer_records_than_its_canary_has_just_ends(ground: Ground):
    project(ground, ["some text"] * 3)
    assert run(ground) == "completed"
    assert ground.sql("SELECT 1 FROM interaction_events WHERE type = 'canary_judged'") == []


def test_the_first_selected_records_go_first_in_the_order_of_their_keys(ground: Ground):
    selecting(ground)
    fill(ground, 40)
    assert run(ground, canary=7) == "completed"
    assert judged(ground)["records"] == 7
    assert ground.one(BEGUN) == 40
    ground.sql("UPDATE items SET text = 'words' WHERE name >= 'item 3'")
    changed = ground.one("SELECT count(*) FROM items WHERE text = 'words'")
    assert run(ground, canary=2) == "completed"
    assert (judged(ground)["records"], ground.one(BEGUN)) == (2, changed)


def test_a_run_that_is_paused_and_resumed_before_the_verdict_still_waits_for_it(ground: Ground):
    selecting(ground)
    fill(ground, 40)

    async def to_end(engine: Engine) -> str:
        run_id = await engine.new_runs().start("work", {}, canary=7)
        await engine.orders().pause(Subject.RUN, str(run_id))
        await engine.orders().resume(Subject.RUN, str(run_id))
        return await run_to_end(engine, run_id)

    assert ground.do(to_end) == "completed"
    assert judged(ground)["records"] == 7


def test_a_command_that_is_killed_during_the_canary_changes_nothing(ground: Ground):
    """What holds the others is in the database: not one of them begins, whoever works and whoever dies."""
    slow = SCORE.replace("return", "__import__('time').sleep(0.3)\n        return", 1)
    project(ground, ["some text"] * 30, canary="{records: 6, then: ask}", score=slow)
    with ground.process("run", "work", **SHORT_LEASE) as first:
        wait_until(lambda: ground.one("SELECT count(*) FROM interactions WHERE state = 'completed'") >= 4)
        first.kill()
    assert ground.one(BEGUN) == 6
    with ground.process("runner", **SHORT_LEASE), ground.process("runner", **SHORT_LEASE):
        wait_until(lambda: ground.one("SELECT canary_verdict FROM workflow_runs") == "passed", patience_s=120)
    assert ground.one(BEGUN) == 6
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'canary_judged'") == 1
    assert go_on(ground) == "completed"
    assert ground.one(BEGUN) == 30


def test_the_command_says_what_the_run_waits_for(ground: Ground):
    project(ground, ["some text"] * 30, canary="{records: 3}", score=LOUD)
    command = ["--project", ground.folder, "run", "work", "--canary", "4"]
    done = warm.wave(*command, timeout=120)
    assert done.returncode == 6
    assert ground.one(BEGUN) == 4
    assert "paused by canary: wave resume run 1" in done.stderr
    status = warm.wave("--project", ground.folder, "status", timeout=60)
    assert status.returncode == 0, status.stderr
    assert "paused by canary" in status.stdout
    assert "canary: the first 4 records have failed it" in status.stdout
    verified = warm.wave("--project", ground.folder, "audit", "verify", timeout=60)
    assert verified.returncode == 0, verified.stdout + verified.stderr
