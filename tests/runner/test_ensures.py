"""A run says completed only where what its workflow ensures stands in the tables, written by this run."""

from __future__ import annotations

import json

import pytest
from tests.support.by_hand import hand_of
from tests.support.projects import COUNT, Ground, at_work, ended, rows, script, until

from wave_runner.core.outcome import Write
from wave_runner.errors import ProjectError


def reasons(ground: Ground) -> dict[str, list[str]]:
    found = ground.sql("SELECT key, broken FROM run_records JOIN records USING (record_id) WHERE broken IS NOT NULL")
    return {row["key"]: json.loads(row["broken"]) for row in found}


def test_a_record_without_what_is_ensured_fails_the_run_and_the_reason_is_listed(ground: Ground):
    lazy = COUNT.replace(
        '        ctx.write("items", {"words": words})',
        '        if ctx.record != "item 0002":\n            ctx.write("items", {"words": words})',
    )
    ground.project(rows=rows(4), actors={"count": lazy}, ensures=["record.words != null"])
    assert ground.run() == "failed"
    assert reasons(ground) == {
        "item 0002": ["record.words != null: does not hold", "items.words: not written by this run"]
    }
    said = ground.one("SELECT data FROM interaction_events WHERE type = 'run_failed'")
    assert json.loads(said) == {
        "broken_once": 0,
        "completed": 3,
        "incomplete": 1,
        "postconditions": 0,
        "reason": "postcondition_failed",
        "undecided": 0,
    }


def test_a_value_that_somebody_changed_meanwhile_is_changed_outside(ground: Ground):
    steps = """\
    count: {actor: count, input: {text: record.text}, writes: [items.words], next: wait}
    wait: {actor: wait, next: end}
    """
    meddle = script(
        "ctx.db.execute('UPDATE items SET words = 99 WHERE name = %s AND name LIKE %s', ctx.record, '%1')\nreturn {}",
        options="database = True\n",
    )
    ground.project(rows=rows(3), steps=steps, actors={"wait": meddle}, ensures=["record.words != null"])
    assert ground.run() == "failed"
    assert reasons(ground) == {"item 0001": ["items.words: changed_outside, it is not what this run wrote"]}


def test_a_value_that_was_there_before_the_run_is_not_this_runs_work(ground: Ground):
    check = (
        "from wave_runner import Promote, ScriptActor\n\n\nclass Check(ScriptActor):\n    staging = True\n\n"
        "    def process(self, item, ctx):\n        for batch in ctx.staging.batches():\n"
        "            ctx.staging.decide([Promote(r['id'], r['raw']['name'], r['raw'] | {'words': 4}) for r in batch])\n"
        "        return {}\n"
    )
    idle = script("return {}")
    ground.project(rows=rows(1), actors={"check": check, "count": idle}, ensures=["record.words == 4"])
    assert ground.run() == "failed"
    assert reasons(ground) == {"item 0000": ["items.words: not written by this run"]}


def test_a_record_with_a_broken_step_is_not_done_even_if_all_else_holds(ground: Ground):
    steps = """\
    count: {actor: count, input: {text: record.text}, writes: [items.words], next: after}
    after: {actor: after, next: end}
    """
    after = script("ctx.reject('not today', rule='closed')")
    ground.project(rows=rows(1), steps=steps, actors={"after": after}, ensures=["record.words == 4"])
    assert ground.run() == "failed"
    assert reasons(ground) == {"item 0000": ["after quarantined: closed"]}


def test_a_run_does_not_end_while_one_record_lives(ground: Ground):
    ground.project(rows=rows(0), ensures=["record.words != null"])

    async def held_up(engine):
        hand = await hand_of(engine)
        await hand.seed(2)
        wave = await hand.claim(size=1)
        await hand.begin(wave)
        async with at_work(engine):

            async def other_is_settled() -> bool:
                return bool(await hand.sql("SELECT 1 FROM run_records WHERE state = 'completed'"))

            await until(other_is_settled)
            [run] = await hand.sql("SELECT state FROM workflow_runs")
            await hand.finish(wave, [hand.move(wave.items[0], writes=(Write(table="items", values={"words": 1}),))])
            return run["state"], await ended(engine, hand.run_id)

    assert ground.do(held_up) == ("running", "completed")


NO_TWO_ALIKE = """\
SELECT e.record_id, 'has the same text as another' AS reason
FROM ended_records e JOIN items i ON i.item_id = e.record_id
WHERE EXISTS (SELECT FROM items o WHERE o.text = i.text AND o.item_id <> i.item_id)  -- 100 % alike
"""
NO_GAPS = "SELECT name, text FROM items WHERE words IS NULL ORDER BY name;"


def ensured_in_sql(ground: Ground, items: list[dict[str, str]], **queries: str) -> Ground:
    ground.project(rows=items, files={f"sql/{name}.sql": text for name, text in queries.items()})
    keys = {"alike": "ensures_sql", "gaps": "ensures_run_sql"}
    with (ground.folder / "workflows/work.yaml").open("a") as file:
        file.writelines(f"{keys[name]}: sql/{name}.sql\n" for name in queries)
    return ground


def test_a_query_names_the_records_that_are_not_done_and_why(ground: Ground):
    ensured_in_sql(ground, [*rows(3, "the same"), {"name": "other", "text": "of its own"}], alike=NO_TWO_ALIKE)
    assert ground.run() == "failed"
    assert reasons(ground) == {f"item {n:04}": ["sql/alike.sql: has the same text as another"] for n in range(3)}
    assert ground.one("SELECT count(*) FROM run_records WHERE state = 'completed'") == 1


def test_a_query_on_the_run_lists_the_rows_that_should_not_be_there(ground: Ground):
    ensured_in_sql(ground, rows(2), gaps=NO_GAPS)
    ground.do(lambda engine: engine.sync())
    assert ground.run() == "completed"
    ground.sql("INSERT INTO records (collection, key) SELECT 'items', 'x' || n FROM generate_series(1, 30) AS n")
    ground.sql("INSERT INTO items (item_id, name, text) SELECT record_id, key, 'y' FROM records WHERE key LIKE 'x%%'")
    assert ground.run() == "failed"
    assert ground.one("SELECT reason FROM workflow_runs WHERE run_id = 2") == "postcondition_failed"
    [said] = json.loads(ground.one("SELECT broken FROM workflow_runs WHERE run_id = 2"))
    assert said.startswith(
        'sql/gaps.sql: 30 rows should not be there, the first 20: {"name":"x1","text":"y"}; {"name":"x10"'
    )
    assert said.count("name") == 20


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ({"alike": "SELECT 1 AS other FROM ended_records"}, "record_id"),
        ({"alike": "SELECT record_id FROM nowhere"}, "nowhere"),
        ({"gaps": "DELETE FROM items RETURNING name"}, "syntax error"),
    ],
)
def test_a_query_that_the_database_refuses_is_known_before_anything_is_done(
    ground: Ground, queries: dict[str, str], said: str
):
    ensured_in_sql(ground, rows(1), **queries)
    with pytest.raises(ProjectError, match=said):
        ground.run()
    assert ground.one("SELECT count(*) FROM workflow_runs") == 0


def test_a_query_that_fails_later_leaves_nothing_completed(ground: Ground):
    division = (
        "SELECT e.record_id FROM ended_records e JOIN items i ON i.item_id = e.record_id WHERE 1 / (i.words - 4) > 0"
    )
    ensured_in_sql(ground, rows(2), alike=division)
    assert ground.run() == "failed"
    assert all("division by zero" in found for [found] in reasons(ground).values())
    assert len(reasons(ground)) == 2
