"""The statements of the hot path go by index, and look at each item a few times, however much waits and is done.

They are looked at as runners have them: in a transaction that plans by key, prepared, with and without statistics.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.plans.explained import BIG, compiled, explained, most_at_once, scanned
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground

from wave_runner.core.interaction import State
from wave_runner.core.wave import LATELY_S
from wave_runner.store import interactions, waves
from wave_runner.store.database import Connection

WAITING = 50_000
SIZE = 500
ANSWERED = """\
INSERT INTO answers (question, run_id, interaction_id)
SELECT sha256(interaction_id::text::bytea), run_id, interaction_id FROM interactions
"""
MOST = 8 * SIZE  # rows at once: a join that compares each item with each looks at SIZE times SIZE


@pytest.fixture
def crowded(ground: Ground) -> Ground:
    return ground.project()


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_no_statement_of_the_hot_path_reads_a_table_or_compares_each_with_each(crowded: Ground, analysed: bool):
    async def look(hand: Hand) -> list[str]:
        await hand.seed(WAITING)
        await hand.sql("UPDATE interactions SET ready_at = now() - interval '1 s' WHERE interaction_id %% 100 = 0")
        await hand.sql(ANSWERED)
        claimed, begun = await hand.claim(size=SIZE), await hand.claim(size=SIZE)
        await hand.begin(begun)
        if analysed:
            for table in BIG:
                await hand.sql(f"ANALYZE {table}")
        keys = [row["work_key"] for row in crowded.sql("SELECT DISTINCT work_key FROM queues")]
        by_key = {
            "waves/claim": claim(hand, claimed),
            "queues/waiting": waiting(hand),
            "queues/feeding": {"work_keys": keys, "linger_s": 10.0},
            "interactions/start": interactions._start_parameters(claimed, [hand.start(one) for one in claimed.items]),
            "interactions/finish": interactions._finish_parameters(
                begun, [hand.move(one) for one in begun.items], State.RUNNING
            ),
            "interactions/reclaim": lost(hand, begun),
            "interactions/held": {"wave_id": begun.wave_id, "ids": [one.interaction_id for one in begun.items]},
            "waves/close": {"wave_id": begun.wave_id, "data": "{}"},
            "waves/enter": {"wave_id": begun.wave_id, "visit_id": None},
            **answers(begun),
        }
        async with hand.engine.database.transaction(by_key=True) as connection:
            found = await wrong(connection, by_key)
        async with hand.engine.database.transaction() as connection:
            plain = {
                "interactions/release_delayed": {"size": SIZE},
                "waves/cancelled": {"wave_ids": [claimed.wave_id, begun.wave_id]},
                "waves/opened": {"server": "scripts"},
                "servers/loads": {"server": "local", "models": ["one", "other"]},
                "runs/ahead": {"server": "scripts"},
            }
            return found + await wrong(connection, plain)

    assert by_hand(crowded, look) == []


async def wrong(connection: Connection, statements: dict[str, dict[str, Any]]) -> list[str]:
    found = []
    for name, parameters in statements.items():
        plan = await explained(connection, name, parameters)
        found += [*scanned(name, plan), *compiled(name, plan)] if connection.by_key else []
        if (most := most_at_once(plan)) > MOST:
            found.append(f"{name}: looks at {most:.0f} rows at once")
    return found


def answers(wave: waves.Wave) -> dict[str, dict[str, Any]]:
    run_ids, ids = [one.run_id for one in wave.items], [one.interaction_id for one in wave.items]
    questions = [hashlib.sha256(str(one).encode()).digest() for one in ids]
    hits = {"source_run_ids": run_ids, "source_ids": ids, "tokens": ids, "service_us": ids}
    return {
        "answers/find": {"questions": questions},
        "answers/keep": {"questions": questions, "run_ids": run_ids, "ids": ids},
        "answers/note_hits": {"run_ids": run_ids, "ids": ids, **hits},
    }


def claim(hand: Hand, wave: waves.Wave) -> dict[str, Any]:
    nothing = dict.fromkeys(("server", "slot"))
    asked = {"runner_id": hand.runner_id, "runner_seq": 99, "queue_id": wave.queue_id, "size": SIZE, "lease_s": 30.0}
    return {**asked, "held": [], "front_rank": -1, "front_id": 0, "reason": '"test"', **nothing}


def waiting(hand: Hand) -> dict[str, Any]:
    asked = {"lanes": ["scripts"], "cap": waves.WAITING_CAP, "held": [], "labels": [], "lease_s": 60.0}
    fronts = {"front_queues": [], "front_ranks": [], "front_ids": []}
    return {**asked, **fronts, "runner_id": hand.runner_id, "lately_s": LATELY_S}


def lost(hand: Hand, wave: waves.Wave) -> dict[str, Any]:
    told = {"type": "interaction_released", "size": SIZE, "crashed": False, "max_crashes": 3}
    return {"wave_id": wave.wave_id, "runner_id": hand.runner_id, **told}
