"""A run from its start to its end: each record once, one chain of events, counts that are true at every moment."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json

import pytest
from tests.support.projects import TABLES, Ground, at_work, ended, rows, run_to_end, script, start_run, until

from wave_runner.core.canonical import dumps
from wave_runner.errors import ProjectError
from wave_runner.store import runs

PASS_ON = script("return {'seen': ctx.record}")
FIVE_STEPS = "\n".join(f"s{n}: {{actor: pass_on, next: {f's{n + 1}' if n < 5 else 'end'}}}" for n in range(1, 6))


def five_steps(ground: Ground, n: int) -> Ground:
    return ground.project(rows=rows(n), steps=FIVE_STEPS, actors={"pass_on": PASS_ON})


def test_a_run_does_every_record_and_says_completed(ground: Ground):
    ground.project(rows=rows(30), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    assert ground.items() == {f"item {n:04}": 4 for n in range(30)}
    assert ground.states("count") == {"completed": 30}


def test_five_steps_of_one_record_are_ten_events_in_one_unbroken_chain(ground: Ground):
    assert five_steps(ground, 3).run() == "completed"
    record = ground.one("SELECT min(record_id) FROM records")
    events = ground.sql(
        "SELECT e.*, d.sha256 AS pinned FROM interaction_events e JOIN interactions i USING (run_id, interaction_id) "
        "JOIN run_steps rs USING (run_step_id) JOIN definitions d USING (definition_id) "
        "WHERE i.record_id = %s ORDER BY event_id",
        record,
    )
    assert [(event["step"], event["type"].removeprefix("interaction_")) for event in events] == [
        (f"s{n}", what) for n in range(1, 6) for what in ("started", "completed")
    ]
    for before, event in itertools.pairwise(events):
        assert (event["cause_interaction_id"], event["cause_seq"]) == (before["interaction_id"], before["seq"])
    assert {event["correlation_id"] for event in events} == {
        ground.one("SELECT correlation_id FROM run_records WHERE record_id = %s", record)
    }
    assert {event["runner_id"] for event in events} == {ground.one("SELECT runner_id FROM runners")}
    assert {event["actor"] for event in events} == {"pass_on"}
    assert {event["form"] for event in events} == {1}
    for event in events:
        assert event["definition"] == event["pinned"]
        assert event["sha256"] == hashlib.sha256(event["data"].encode()).digest()


def test_the_first_step_of_a_record_is_caused_by_the_event_that_fanned_it_out(ground: Ground):
    five_steps(ground, 2).run()
    causes = ground.sql(
        "SELECT DISTINCT c.type::text AS type, c.step FROM interaction_events e "
        "JOIN interaction_events c ON c.run_id = e.run_id AND c.interaction_id = e.cause_interaction_id "
        "AND c.seq = e.cause_seq WHERE e.step = 's1' AND e.type = 'interaction_started'"
    )
    assert causes == [{"type": "interaction_fanned_out", "step": "check"}]


def test_every_cause_exists_and_only_the_root_has_none(ground: Ground):
    five_steps(ground, 4).run()
    without = ground.sql(
        "SELECT e.step, e.seq FROM interaction_events e LEFT JOIN interaction_events c ON c.run_id = e.run_id "
        "AND c.interaction_id = e.cause_interaction_id AND c.seq = e.cause_seq "
        "WHERE e.interaction_id IS NOT NULL AND c.event_id IS NULL"
    )
    assert without == [{"step": "fetch", "seq": 1}]


def test_inputs_and_outputs_match_the_commitments_of_their_events(ground: Ground):
    five_steps(ground, 2).run()
    found = ground.sql(
        "SELECT e.type::text AS type, e.data, i.input, i.input_nonce, i.output, i.output_nonce "
        "FROM interactions i JOIN interaction_events e USING (run_id, interaction_id) "
        "WHERE e.type IN ('interaction_started', 'interaction_completed')"
    )
    assert len(found) == 2 * (2 + 5 * 2)
    for row in found:
        part = "input" if row["type"] == "interaction_started" else "output"
        content = row[part + "_nonce"] + row[part].encode()
        assert json.loads(row["data"])[part] == hashlib.sha256(content).hexdigest()


def test_live_counts_equal_what_sql_counts_at_every_moment(ground: Ground):
    slow = script("import time\ntime.sleep(0.005)\nreturn {}")
    ground.project(
        rows=rows(120), steps="a: {actor: slow, next: b}\nb: {actor: slow, next: end}", actors={"slow": slow}
    )
    differing = (
        "SELECT run_step_id, state, sum(n) FROM (SELECT run_step_id, state, n FROM counts UNION ALL "
        "SELECT run_step_id, state, delta FROM count_deltas UNION ALL "
        "SELECT run_step_id, state, -count(*) FROM interactions GROUP BY 1, 2) AS both_ways "
        "GROUP BY 1, 2 HAVING sum(n) <> 0"
    )

    async def watched(engine):
        run_id = await start_run(engine)
        looks = []

        async def look() -> bool:
            looks.append(await asyncio.to_thread(ground.sql, differing))
            return (await runs.state(engine.database, run_id))["state"] != "running"

        async with at_work(engine):
            await until(look)
        return looks

    looks = ground.do(watched)
    assert len(looks) > 10
    assert [look for look in looks if look] == []


def test_two_runners_on_one_database_do_each_record_once(ground: Ground):
    five_steps(ground, 60)

    async def both(engine):
        run_id = await start_run(engine)
        async with at_work(engine), at_work(engine):
            return await ended(engine, run_id)

    assert ground.do(both) == "completed"
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_completed'") == 2 + 5 * 60
    assert ground.one("SELECT count(*) FROM interactions WHERE attempt <> 1") == 0
    assert ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0


def test_a_limit_and_the_parameters_of_a_run_reach_its_scripts(ground: Ground):
    tell = script("return {'limit': item['limit']}")
    ground.project(
        rows=rows(1), steps="tell: {actor: tell, input: {limit: run.limit}, next: end}", actors={"tell": tell}
    )
    assert ground.run(limit=7) == "completed"
    assert ground.one("SELECT output FROM interactions WHERE record_id IS NOT NULL") == dumps({"limit": 7}).decode()


def test_a_runner_that_could_not_start_can_be_stopped(ground: Ground):
    ground.project(rows=rows(1))

    async def never_started(engine):
        runner = engine.runner()
        await runner.stop()
        await runner.stop()
        return await run_to_end(engine)

    assert ground.do(never_started) == "completed"


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ("CREATE TABLE tags (item_id bigint);", "wave.toml:6: the database has no table `items`"),
        (TABLES.replace("text     text", "txt      text"), "work.yaml:8: the table `items` has no column `text`"),
    ],
)
def test_a_run_does_not_start_on_tables_that_lack_what_the_project_names(ground: Ground, tables: str, place: str):
    ground.project(rows=rows(1), tables=tables)
    with pytest.raises(ProjectError) as caught:
        ground.start()
    assert caught.value.message.endswith(place)
    assert ground.sql("SELECT * FROM workflow_runs") == []
