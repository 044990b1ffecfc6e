"""Steps that are queries: one statement for a wave, one row for each item, and nothing built from a record's values."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.support.projects import TABLES, Ground, at_work, ended, rows, run_to_end, script, start_run, until

from wave_runner.errors import ConflictError, ProjectError

ANY = '{"type": "object"}'
MEASURE = """\
measure:
  sql: sql/measure.sql
  input: {text: record.text}
  output: schemas/any.json
  writes: [items.words]
  next: end
"""
COUNT_WORDS = """\
SELECT w.interaction_id, count(*) OVER () AS wave, w.record_id, w.key, w.input ->> 'text' AS text,
       cardinality(string_to_array(w.input ->> 'text', ' ')) AS "items.words"
FROM wave_items w
"""


def measuring(
    ground: Ground, items: list[Any], query: str = COUNT_WORDS, *, steps: str = MEASURE, **more: Any
) -> Ground:
    files = {"sql/measure.sql": query, "schemas/any.json": ANY, **more.pop("files", {})}
    return ground.project(rows=items, steps=steps, files=files, **more)


def outputs(ground: Ground, step: str = "measure") -> dict[str, Any]:
    """Return the outputs of a step by the record's key."""
    found = ground.sql(
        "SELECT r.key, i.output FROM interactions i JOIN records r USING (record_id) "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) WHERE s.name = %s AND i.output IS NOT NULL",
        step,
    )
    return {row["key"]: json.loads(row["output"]) for row in found}


def test_one_statement_answers_for_a_whole_wave_and_its_columns_are_written(ground: Ground):
    measuring(ground, rows(300), ensures=["record.words == 4"])
    assert ground.run() == "completed"
    assert set(ground.items().values()) == {4}
    found = outputs(ground)
    assert {output["wave"] for output in found.values()} == {300}
    ids = {row["key"]: row["record_id"] for row in ground.sql("SELECT key, record_id FROM records")}
    assert {key: output["record_id"] for key, output in found.items()} == ids
    assert all(output["key"] == key and "items.words" not in output for key, output in found.items())
    written = ground.sql("SELECT column_name, count(*) AS n FROM value_writes GROUP BY 1")
    assert written == [{"column_name": "words", "n": 300}]


def test_an_item_without_a_row_or_with_two_is_quarantined_alone(ground: Ground):
    query = """\
        SELECT w.interaction_id FROM wave_items w
        CROSS JOIN LATERAL generate_series(1, (w.input ->> 'text')::int)
    """
    items = [{"name": f"{n} rows", "text": str(n)} for n in (0, 1, 2, 30)]
    measuring(ground, items, query)
    assert ground.run() == "failed"
    assert ground.troubles() == {"0 rows": "no_row", "2 rows": "two_rows", "30 rows": "two_rows"}
    assert list(outputs(ground)) == ["1 rows"]
    said = ground.one("SELECT error FROM interactions JOIN records USING (record_id) WHERE key = '30 rows'")
    assert said == "the query gave 30 rows for this item, and one is the answer"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("10 / (w.input ->> 'text')::int", "division by zero"),
        ("(SELECT n FROM (VALUES (1), (2)) AS v (n) WHERE (w.input ->> 'text') = '0')", "more than one row returned"),
        ("(w.input ->> 'text')::int / (w.input ->> 'text')::int", "division by zero"),
    ],
)
def test_an_item_that_the_database_refuses_is_found_and_the_others_go_through(
    ground: Ground, expression: str, words: str
):
    items = [{"name": f"item {n}", "text": "0" if n in {3, 40} else "5"} for n in range(50)]
    measuring(ground, items, f"SELECT w.interaction_id, {expression} AS n FROM wave_items w")
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 3": "query_refused", "item 40": "query_refused"}
    assert len(outputs(ground)) == 48
    assert words in ground.one("SELECT min(error) FROM interactions WHERE state = 'quarantined'")
    kept = ground.sql("SELECT role, convert_from(content, 'UTF8') AS said FROM payloads")
    assert {row["role"] for row in kept} == {"error"}
    assert all(words in row["said"] for row in kept)


def test_a_query_that_the_database_refuses_starts_no_run(ground: Ground):
    measuring(ground, rows(1), "SELECT w.interaction_id, no_such_column FROM wave_items w")
    with pytest.raises(ProjectError, match=r'sql/measure\.sql: .*column "no_such_column" does not exist'):
        ground.start()
    assert ground.one("SELECT count(*) FROM workflow_runs") == 0


def test_a_query_that_a_changed_table_breaks_fails_its_items_at_once(ground: Ground):
    measuring(
        ground, rows(3), "SELECT w.interaction_id, i.note FROM wave_items w JOIN items i ON i.item_id = w.record_id"
    )
    run_id = ground.start()
    ground.sql("ALTER TABLE items DROP COLUMN note")
    assert ground.do(lambda engine: run_to_end(engine, run_id)) == "failed"
    assert ground.states("measure") == {"failed": 3}
    assert ground.sql("SELECT DISTINCT attempt, error_class, error FROM interactions WHERE state = 'failed'") == [
        {"attempt": 1, "error_class": "permanent", "error": "column i.note does not exist"}
    ]


def test_rows_for_items_that_were_not_asked_for_fail_the_wave(ground: Ground):
    query = "SELECT interaction_id FROM wave_items UNION ALL SELECT NULL UNION ALL SELECT 4711"
    measuring(ground, rows(2), query)
    assert ground.run() == "failed"
    assert set(ground.troubles().values()) == {"permanent"}
    said = ground.one("SELECT min(error) FROM interactions WHERE state = 'failed'")
    assert said == "the query gave 2 rows whose interaction_id is none of wave_items"


HOSTILE = [
    "'; DROP TABLE items; --",
    '"; DROP TABLE items; --',
    "$1 %s %(ids)s {query} {0}",
    "\\'; SELECT pg_sleep(10); --",
    "$$; DROP TABLE items; $$",
    "1) OR 1=1 /*",
    "line\nbreak\ttab\r\\u0000",
    "😀 ﷽ \u202e ’",
]


def test_no_key_and_no_value_of_a_record_is_ever_part_of_a_statement(ground: Ground):
    query = """\
        SELECT w.interaction_id, w.key, w.input ->> 'text' AS text, w.input ->> 'text' AS "items.text" FROM wave_items w
    """
    items = [{"name": text, "text": text} for text in HOSTILE]
    measuring(ground, items, query, steps=MEASURE.replace("items.words", "items.text"))
    assert ground.run() == "completed"
    assert outputs(ground) == {text: {"key": text, "text": text} for text in HOSTILE}
    assert ground.sql('SELECT name, text FROM items ORDER BY name COLLATE "C"') == sorted(
        items, key=lambda item: item["name"]
    )


def test_a_query_has_its_own_percent_signs_quotes_and_comments(ground: Ground):
    query = """\
        /* a comment; with a semicolon */
        SELECT w.interaction_id, '100 %s' AS a, w.input ->> 'text' LIKE 'some%' AS b, 7 % 4 AS "wave_items", '{}' AS row
        FROM wave_items w -- the end; really
        ;
    """
    measuring(ground, rows(1), query)
    assert ground.run() == "completed"
    assert list(outputs(ground).values()) == [{"a": "100 %s", "b": True, "wave_items": 3, "row": "{}"}]


def test_a_column_that_is_no_declared_write_is_not_written(ground: Ground):
    measuring(ground, rows(2), 'SELECT interaction_id, 1 AS "items.words", \'x\' AS "items.note" FROM wave_items')
    assert ground.run() == "failed"
    assert set(ground.troubles().values()) == {"undeclared_write"}
    assert set(ground.items().values()) == {None}


def test_an_output_that_breaks_its_schema_reaches_no_table(ground: Ground):
    schema = '{"type": "object", "properties": {"n": {"maximum": 1}}, "additionalProperties": false}'
    query = 'SELECT interaction_id, length(key) - 8 AS n, 5 AS "items.words" FROM wave_items'
    items = [{"name": "item one", "text": ""}, {"name": "item three", "text": ""}]
    measuring(ground, items, query, files={"schemas/any.json": schema})
    assert ground.run() == "failed"
    assert ground.troubles() == {"item three": "output_schema"}
    assert ground.items() == {"item one": 5, "item three": None}


def test_a_query_that_names_a_column_twice_has_no_answer(ground: Ground):
    measuring(ground, rows(1), "SELECT interaction_id, 1 AS n, 2 AS n FROM wave_items")
    assert ground.run() == "failed"
    assert set(ground.troubles().values()) == {"duplicate_key"}


WRITER = """\
CREATE FUNCTION sneak(n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN UPDATE items SET words = 666; RETURN n; END $$;
"""


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sneak(interaction_id) AS interaction_id FROM wave_items",
        "SELECT interaction_id, nextval('sneaky') AS n FROM wave_items",
        "SELECT interaction_id, set_config('transaction_read_only', 'off', true) AS n FROM wave_items",
    ],
)
def test_a_query_only_reads(ground: Ground, query: str):
    measuring(ground, rows(2), query, tables=f"{TABLES}{WRITER}CREATE SEQUENCE sneaky;")
    assert ground.run() == "failed"
    assert ground.states("measure") == {"failed": 2}
    said = ground.one("SELECT min(error) FROM interactions WHERE state = 'failed'")
    assert "read-only" in said or "read-write" in said
    assert set(ground.items().values()) == {None}


@pytest.mark.parametrize(
    "query", ["DELETE FROM items RETURNING 1 AS interaction_id", "SELECT 1; DROP TABLE items", "NOTIFY x"]
)
def test_a_file_that_holds_no_query_starts_no_run(ground: Ground, query: str):
    measuring(ground, rows(1), query)
    with pytest.raises(ProjectError, match="PostgreSQL refuses the query: syntax error"):
        ground.start()


def test_what_goes_wrong_inside_the_server_ends_no_runner(ground: Ground):
    odd = "CREATE FUNCTION odd() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'odd' USING ERRCODE = 'XX000'; END $$;"
    measuring(ground, rows(2), "SELECT interaction_id, odd() FROM wave_items", tables=TABLES + odd)
    assert ground.run() == "failed"
    assert set(ground.troubles().values()) == {"permanent"}
    assert ground.one("SELECT min(error) FROM interactions WHERE state = 'failed'") == "odd"


def test_a_runner_that_stops_leaves_no_query_behind(ground: Ground):
    steps = MEASURE.replace("next: end", "timeout_s: 600\n  next: end")
    measuring(
        ground, rows(2), "SELECT interaction_id, pg_sleep(500) FROM wave_items", steps=steps, settings="grace_s = 0.1"
    )
    asleep = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE query LIKE '%%sleep(500)%%' AND pid <> pg_backend_pid() AND state = 'active'"
    )

    async def stop_it(engine: Any) -> None:
        await start_run(engine)
        async with at_work(engine):
            await until(lambda: asyncio.to_thread(ground.sql, asleep))

    ground.do(stop_it)
    assert ground.sql(asleep) == []
    assert ground.states("measure") == {"pending": 2}
    assert ground.sql("SELECT DISTINCT attempt, wave_id FROM interactions WHERE state = 'pending'") == [
        {"attempt": 1, "wave_id": None}
    ]


def test_a_query_is_ended_when_its_steps_time_is_up(ground: Ground):
    steps = MEASURE.replace("next: end", "timeout_s: 0.2\n  max_attempts: 1\n  next: end")
    measuring(ground, rows(2), "SELECT interaction_id, pg_sleep(60) FROM wave_items", steps=steps)
    assert ground.run() == "failed"
    assert set(ground.troubles().values()) == {"timeout"}
    said = ground.one("SELECT min(error) FROM interactions WHERE state = 'failed'")
    assert said == "canceling statement due to statement timeout"


MOODY = """\
CREATE FUNCTION moody(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT note FROM items WHERE item_id = id) IS NULL THEN RAISE 'not now' USING ERRCODE = '40001'; END IF;
    RETURN id;
END $$;
"""


def test_an_error_that_may_pass_is_tried_again(ground: Ground):
    measuring(ground, rows(1), "SELECT interaction_id, moody(record_id) FROM wave_items", tables=TABLES + MOODY)
    run_id = ground.start()

    async def let_it_pass(engine: Any) -> str:
        async def tried() -> bool:
            return bool(await asyncio.to_thread(ground.sql, RETRIED))

        async with at_work(engine):
            await until(tried)
            await asyncio.to_thread(ground.sql, "UPDATE items SET note = 'now'")
            return await ended(engine, run_id)

    assert ground.do(let_it_pass) == "completed"
    assert {json.loads(event["data"])["error_class"] for event in ground.sql(RETRIED)} == {"transient"}


RETRIED = "SELECT data FROM interaction_events WHERE type = 'interaction_retry_scheduled'"
SORT = """\
sort:
  sql: sql/sort.sql
  output: schemas/speed.json
  route: {on: speed, SLOW: hold, FAST: measure}
hold: {actor: hold, next: end}
"""


def test_a_query_does_not_wait_for_scripts(ground: Ground):
    """The only script slot is taken by a script that waits for the query's own result."""
    hold = script(
        "import pathlib, time\nwhile not pathlib.Path(item['release']).exists():\n    time.sleep(0.01)\nreturn {}"
    )
    release = ground.folder / "release"
    measuring(
        ground,
        [{"name": "slow", "text": ""}, {"name": "fast", "text": "two words"}],
        steps=SORT.replace("hold, next", "hold, input: {release: params.release}, next") + MEASURE,
        files={
            "sql/sort.sql": "SELECT interaction_id, upper(key) AS speed FROM wave_items",
            "schemas/speed.json": '{"type": "object", "properties": {"speed": {"enum": ["SLOW", "FAST"]}}}',
        },
        actors={"hold": hold},
    )
    text = (ground.folder / "workflows/work.yaml").read_text()
    ground.write("workflows/work.yaml", text.replace("steps:", "params: {release: string}\nsteps:", 1))

    async def work(engine: Any) -> str:
        await engine.sync()
        run_id = await engine.new_runs().start("work", {"release": str(release)})

        async def both() -> bool:
            states = await asyncio.to_thread(lambda: (ground.states("hold"), ground.states("measure")))
            return states == ({"running": 1}, {"completed": 1})

        async with at_work(engine):
            await until(both)
            release.touch()
            return await ended(engine, run_id)

    assert ground.do(work) == "completed"


def test_a_step_that_runs_once_can_be_a_query(ground: Ground):
    once = """\
total:
  sql: sql/total.sql
  once: true
  input: {limit: run.limit}
  output: schemas/any.json
  next: end
"""
    query = "SELECT interaction_id, record_id, key, (SELECT count(*) FROM items) AS items, input FROM wave_items"
    measuring(ground, rows(3), steps=once, files={"sql/total.sql": query})
    text = (ground.folder / "workflows/work.yaml").read_text()
    ground.write("workflows/work.yaml", text.replace("{each: promoted, to: total}", "total"))
    assert ground.run() == "completed"
    output = ground.one(
        "SELECT output FROM interactions JOIN run_steps USING (run_step_id) JOIN steps USING (step_id) "
        "WHERE name = 'total'"
    )
    assert json.loads(output) == {"record_id": None, "key": None, "items": 3, "input": {"limit": None}}


def test_two_steps_of_one_query_have_each_their_own_answer(ground: Ground):
    second = MEASURE.replace("measure:", "again:").replace("record.text", "measure.key").replace("items.words", "items")
    measuring(ground, rows(2), steps=MEASURE.replace("next: end", "next: again") + second)
    assert ground.run() == "completed"
    assert outputs(ground, "again") == {
        key: {**output, "text": key} for key, output in outputs(ground, "measure").items()
    }
    assert set(ground.items().values()) == {2}


def test_a_query_that_changed_runs_only_when_it_is_approved(ground: Ground):
    measuring(ground, rows(2))
    assert ground.run() == "completed"
    actor = ground.sql("SELECT kind, state FROM actors WHERE name = 'measure'")
    assert actor == [{"kind": "sql", "state": "active"}]
    ground.write("sql/measure.sql", COUNT_WORDS.replace("' ')", "'o')"))
    with pytest.raises(ConflictError, match="drifted: measure"):
        ground.start()

    async def approve(engine: Any) -> None:
        assert await engine.approve("measure")

    ground.do(approve)
    ground.write("actors/fetch.py", (ground.folder / "actors/fetch.py").read_text().replace("item 00", "item 10"))
    ground.do(lambda engine: engine.sync(dev=True))
    assert ground.run() == "completed"
    assert list(ground.items().values()) == [4, 4, 5, 5]
    assert ground.one("SELECT count(*) FROM definitions WHERE kind = 'sql' AND name = 'sql/measure.sql'") == 2


def test_work_goes_on_with_the_query_that_was_pinned(ground: Ground):
    measuring(ground, rows(2))

    async def change_under_way(engine: Any) -> str:
        run_id = await start_run(engine)
        ground.write("sql/measure.sql", 'SELECT interaction_id, 666 AS "items.words" FROM wave_items')
        await engine.sync()
        async with engine.database.transaction() as connection:
            await connection.execute("UPDATE actors SET drifted_to_id = NULL, drifted_at = NULL WHERE name = 'measure'")
        ground.write("sql/measure.sql", COUNT_WORDS)
        return await run_to_end(engine, run_id)

    assert ground.do(change_under_way) == "completed"
    assert set(ground.items().values()) == {4}
