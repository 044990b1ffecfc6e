"""The statements of the hot path go by index, however much waits and however much is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground

from wave_runner.core.interaction import State
from wave_runner.core.wave import LATELY_S
from wave_runner.store import interactions, waves
from wave_runner.store.database import fetch
from wave_runner.store.statements import statement

WAITING = 50_000
BIG = ("interactions", "interaction_events", "run_records", "records")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


async def scanned(connection: Any, name: str, parameters: dict[str, Any]) -> list[str]:
    """Return the large tables that a statement reads from end to end."""
    cursor = await connection.execute(f"EXPLAIN (FORMAT JSON) {statement(name)}", parameters, prepare=False)
    [row] = await cursor.fetchall()
    [found] = row["QUERY PLAN"] if isinstance(row["QUERY PLAN"], list) else json.loads(row["QUERY PLAN"])
    return [
        f"{name}: {node['Node Type']} on {node['Relation Name']}"
        for node in nodes(found["Plan"])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"].startswith(BIG)
    ]


@pytest.fixture
def crowded(ground: Ground) -> Ground:
    return ground.project()


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_no_statement_of_the_hot_path_reads_a_table_from_end_to_end(crowded: Ground, analysed: bool):
    async def plans(hand: Hand) -> list[str]:
        await hand.seed(WAITING)
        await hand.sql("UPDATE interactions SET ready_at = now() - interval '1 s' WHERE interaction_id %% 100 = 0")
        wave = await hand.claim(size=500)
        if analysed:
            for table in BIG:
                await hand.sql(f"ANALYZE {table}")
        run_ids, ids = [hand.run_id], [item.interaction_id for item in wave.items]
        moves = [hand.move(item) for item in wave.items]
        started = {
            "wave_id": wave.wave_id,
            "runner_id": hand.runner_id,
            "run_ids": run_ids,
            "ids": ids,
            "inputs": ["{}"] * 500,
            "nonces": [b"x" * 32] * 500,
            "data": ["{}"] * 500,
            **interactions.origins([move.origin for move in moves]),
        }
        claimed = {
            "runner_id": hand.runner_id,
            "runner_seq": 99,
            "queue_id": wave.queue_id,
            "size": 500,
            "lease_s": 30.0,
            "held": [],
            "server": None,
            "slot": None,
            "visit_id": None,
        }
        lost = {"wave_id": wave.wave_id, "type": "interaction_released", "size": 500, "crashed": False}
        looked = {"lanes": ["scripts"], "cap": waves.WAITING_CAP, "held": [], "labels": [], "lease_s": 60}
        looked |= {"runner_id": hand.runner_id, "lately_s": LATELY_S}
        found = []
        async with hand.engine.database.transaction() as connection:
            found += await scanned(connection, "waves/claim", claimed)
            found += await scanned(connection, "waves/close", {"wave_id": wave.wave_id})
            found += await scanned(connection, "queues/waiting", looked)
            found += await scanned(connection, "interactions/release_delayed", {"size": 1000})
            lost |= {"max_crashes": 3, "runner_id": hand.runner_id}
            found += await scanned(connection, "interactions/reclaim", lost)
            await fetch(connection, "session/plan_by_key")
            found += await scanned(connection, "interactions/start", started)
            finished = interactions._finish_parameters(wave, moves, State.RUNNING)
            found += await scanned(connection, "interactions/finish", finished)
        return found

    assert by_hand(crowded, plans) == []
