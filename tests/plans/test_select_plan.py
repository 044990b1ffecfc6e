"""Selecting goes by index, however many records there are and however often they were done."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql
from tests.plans.explained import BIG, explained, most_at_once, nodes, scanned
from tests.plans.test_sql_plan import again_and_again
from tests.support.projects import Ground
from tests.support.selecting import selecting, steps_of

from wave_runner.engine import Engine
from wave_runner.store import selections
from wave_runner.store.selections import Source

ROWS = 20_000
RUNS = 3
DONE = """\
WITH made AS (
    INSERT INTO records (collection, key) SELECT 'items', name FROM items RETURNING record_id
), runs AS (
    INSERT INTO workflow_runs (run_id, workflow_id, definition_id, params, priority, correlation_id, started_by)
    SELECT new_run_id(), workflow_id, definition_id, params, 0, gen_random_uuid(), 'test'
    FROM workflow_runs, generate_series(1, %s) RETURNING run_id, workflow_id
)
INSERT INTO run_records (run_id, record_id, workflow_id, live, state, settled_at, read_hash)
SELECT run_id, record_id, workflow_id, 0, 'completed', now(), sha256('x') FROM made, runs
"""

# What was done with them, as much as there would be: past the triggers that ask for all that belongs to it.
WORK = """\
INSERT INTO interactions (run_id, run_step_id, queue_id, record_id, correlation_id, state, finished_at)
SELECT run_id, 1, 1, record_id, gen_random_uuid(), 'skipped', now() FROM run_records
"""


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
@pytest.mark.parametrize("select", ["all", "sql/some.sql"])
def test_a_selection_reads_no_table_once_per_record(ground: Ground, analysed: bool, select: str):
    ground.tampered = True  # by rows of which nothing else is there
    query = "SELECT name FROM items WHERE text <> ''"
    selecting(ground, select=select, files={"sql/some.sql": query})

    async def plans(engine: Engine) -> list[str]:
        async with engine.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO items (name, text) SELECT g, 'x' FROM generate_series(1, %s) g", [ROWS]
            )
        await engine.new_runs().start("work", {}, where="touched:>=2020-01-01")
        async with engine.database.transaction() as connection:
            await connection.execute(DONE, [RUNS])
        with ground.superuser() as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(WORK)
        if analysed:
            async with engine.database.transaction() as connection:
                for table in (*BIG, "items"):
                    await connection.execute(f"ANALYZE {table}")
        selection = await selections.open_one(engine.database)
        assert selection is not None
        step = await steps_of(engine).of_run(selection.run_step_id)
        source = Source(tables=step.tables, query=step.selector, columns=step.columns_read)
        found = await selections.candidates(engine.database, selection, source, size=1000)
        async with engine.database.transaction() as connection:
            cursor = await connection.execute("SELECT record_id FROM records ORDER BY record_id LIMIT 1000")
            ids = [row["record_id"] for row in await cursor.fetchall()]
            page, given = await selections._page(connection, source, selection.terms, after=found[-1].key, size=1000)
            asked = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + page
            [row] = await (await connection.execute(asked, given, prepare=False)).fetchall()
            wrong = again_and_again(row["QUERY PLAN"][0]["Plan"])
            chunk: dict[str, Any] = {
                "run_id": selection.run_id,
                "run_step_id": selection.run_step_id,
                "queue_id": selection.queue_id,
                "workflow_id": selection.workflow_id,
                "generation": 0,
                "rank": 0,
                "record_ids": ids,
                "hashes": [b"x" * 32] * 1000,
                "room": None,
            }
            read = {"ids": list(range(1000)), "record_ids": ids, "hashes": [b"x" * 32] * 1000}
            hashes = {"wave_id": 1, "runs": [selection.run_id] * 1000, **read}
        async with engine.database.transaction() as connection:
            plan = await explained(connection, "fan_outs/select_chunk", chunk)
            wrong += scanned("fan_outs/select_chunk", plan)
            assert most_at_once(plan) <= 8 * len(ids)
        async with engine.database.transaction(by_key=True) as connection:
            plan = await explained(connection, "run_records/set_read_hashes", hashes)
            wrong += scanned("run_records/set_read_hashes", plan)
            assert most_at_once(plan) <= 8 * len(ids)
        return wrong

    assert ground.do(plans) == []


def test_the_guard_sees_a_scan_that_is_done_for_each_row():
    plan = {"Node Type": "Nested Loop", "Plans": [{"Node Type": "Seq Scan", "Actual Loops": 7}]}
    assert [node["Node Type"] for node in nodes(plan)] == ["Nested Loop", "Seq Scan"]
    assert again_and_again({**plan, "Actual Loops": 1}) == ["Seq Scan 7 times"]
