"""A query over a wave of 10,000 reads each table once, and so do the statements around it."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql
from tests.plans.explained import BIG, explained, most_at_once, nodes, scanned
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground

from wave_runner.store import interactions, queries
from wave_runner.store.queries import WaveItem

WAVE = 10_000
STEP = """\
measure: {sql: sql/measure.sql, input: {text: record.text}, output: schemas/any.json, next: end}
"""
JOINED = """\
SELECT w.interaction_id, i.name, count(*) OVER (PARTITION BY i.text) AS alike
FROM wave_items w JOIN items i ON i.item_id = w.record_id
WHERE w.input ->> 'text' <> ''
"""


def waves_of(items: list[Any]) -> list[WaveItem]:
    return [
        WaveItem(
            interaction_id=one.interaction_id, record_id=one.record_id, key=one.key, input='{"text": "some words"}'
        )
        for one in items
    ]


def again_and_again(plan: dict[str, Any]) -> list[str]:
    """Return every scan of a whole relation that is done more than once."""
    whole = ("Seq Scan", "Function Scan", "CTE Scan")
    return [
        f"{node['Node Type']} {node['Actual Loops']} times"
        for node in nodes(plan)
        if node["Node Type"] in whole and node["Actual Loops"] > 1
    ]


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_a_query_over_a_large_wave_scans_nothing_once_per_item(ground: Ground, analysed: bool):
    ground.project(steps=STEP, files={"sql/measure.sql": JOINED, "schemas/any.json": "{}"})

    async def plans(hand: Hand) -> list[str]:
        await hand.seed(3 * WAVE, step="measure")
        if analysed:
            for table in (*BIG, "items"):
                await hand.sql(f"ANALYZE {table}")
        wave = await hand.claim("measure", size=WAVE)
        items = waves_of(wave.items)
        given = {
            "ids": [item.interaction_id for item in items],
            "record_ids": [item.record_id for item in items],
            "keys": [item.key for item in items],
            "inputs": [item.input for item in items],
        }
        started = interactions._start_parameters(wave, [hand.start(item) for item in wave.items])
        async with hand.engine.database.transaction() as connection:
            answered = await queries.answer(connection, JOINED, items, timeout_s=60)
            assert {found.rows for found in answered.values()} == {1}
            assert len(answered) == WAVE
            statement = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + queries.over_wave(JOINED)
            [row] = await (await connection.execute(statement, given, prepare=False)).fetchall()
            found = again_and_again(row["QUERY PLAN"][0]["Plan"])
        async with hand.engine.database.transaction(by_key=True) as connection:
            plan = await explained(connection, "interactions/start", started)
            assert most_at_once(plan) <= 8 * WAVE
            return found + scanned("interactions/start", plan)

    assert by_hand(ground, plans) == []
