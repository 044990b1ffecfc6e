"""A window of a backlog costs as much as it holds, however much comes after it."""

from __future__ import annotations

import pytest
from tests.plans.explained import explained, most_at_once
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground

BACKLOG = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256)
    SELECT run_id, 1, 'wave_closed', '{}', sha256('{}')
    FROM (SELECT 0 AS run_id UNION ALL SELECT run_id FROM workflow_runs) AS r, generate_series(1, %s)
"""
NUMBER = "SELECT nextval('event_ids') AS newest"
EVENTS, WINDOW = 10_000, 100


@pytest.mark.parametrize("name", ["log/backlog", "log/missing"])
@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_a_window_of_a_backlog_is_found_by_its_numbers(ground: Ground, name: str, analysed: bool):
    async def look(hand: Hand) -> float:
        [row] = await hand.sql(NUMBER)
        await hand.sql(BACKLOG, EVENTS)
        if analysed:
            await hand.sql("ANALYZE interaction_events")
        async with hand.engine.database.transaction(by_key=True) as connection:
            [now] = await (await connection.execute("SELECT pg_current_snapshot()::text AS target")).fetchall()
            window = {"after": row["newest"], "until": row["newest"] + WINDOW}
            given = {"last": "1:1:", "target": now["target"], **window} if name == "log/backlog" else window
            plan = await explained(connection, name, given)
            assert plan["Actual Rows"] == WINDOW
            return most_at_once(plan)

    assert by_hand(ground.project(), look) <= 2 * WINDOW
