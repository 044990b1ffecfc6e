"""What a run has cost is asked of its own part of the ledger, once, however much other runs have."""

from __future__ import annotations

import pytest
from tests.plans.explained import explained, most_at_once, scanned
from tests.support.by_hand import Hand, by_hand, hand_of
from tests.support.projects import Ground

from wave_runner.reports.cost import By

EACH = 50  # calls of an interaction, the last of which is not settled
MINE, OTHERS = 10, 1000  # interactions
CALLS = """\
INSERT INTO ledger (run_id, interaction_id, attempt, run_step_id, record_id, reserved_tokens, reserved_money,
                    accepted, service_us, token_money, machine_money, tokens_in, tokens_cached, tokens_out)
SELECT i.run_id, i.interaction_id, n, i.run_step_id, i.record_id, 100, 100, CASE WHEN n < %(each)s THEN n %% 2 = 0 END,
       ended, ended, ended, ended, ended, ended
FROM interactions i, generate_series(1, %(each)s) AS n, LATERAL (SELECT CASE WHEN n < %(each)s THEN n END AS ended) AS e
WHERE i.run_id = %(run_id)s AND i.record_id IS NOT NULL
"""


async def with_calls(hand: Hand, interactions: int) -> Hand:
    await hand.seed(interactions)
    async with hand.engine.database.transaction() as connection:
        await connection.execute(CALLS, {"each": EACH, "run_id": hand.run_id})
    return hand


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_a_report_of_costs_reads_the_calls_of_its_run_and_no_others(ground: Ground, analysed: bool):
    ground.project()

    async def look(hand: Hand) -> dict[str, float]:
        await with_calls(await hand_of(hand.engine), OTHERS)
        await with_calls(hand, MINE)
        if analysed:
            for table in ("ledger", "interactions"):
                await hand.sql(f"ANALYZE {table}")
        found = {}
        async with hand.engine.database.transaction() as connection:
            for by in By:
                given = {"run_id": hand.run_id, "by": str(by), "limit": 50}
                plan = await explained(connection, "reports/cost", given)
                assert scanned("reports/cost", plan) == []
                found[by] = most_at_once(plan)
        return found

    read = by_hand(ground, look)
    assert {by: most for by, most in read.items() if most > 2 * MINE * EACH} == {}
