"""What is asked again and again while runs work looks only at the runs that do."""

from __future__ import annotations

import pytest
from tests.plans.explained import explained, most_at_once
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground

RECORDS = 1_000
MOST = 100
OVER = """\
WITH made AS (
    INSERT INTO records (collection, key) SELECT 'items', g::text FROM generate_series(1, %s) g RETURNING record_id
), over AS (
    INSERT INTO workflow_runs (run_id, workflow_id, definition_id, params, priority, correlation_id, started_by,
                               state, ended_at)
    SELECT new_run_id(), workflow_id, definition_id, params, 0, gen_random_uuid(), 'test', 'completed', now()
    FROM workflow_runs, generate_series(1, 30) RETURNING run_id, workflow_id
), beside AS (
    INSERT INTO workflow_runs (run_id, workflow_id, definition_id, params, priority, correlation_id, started_by)
    SELECT new_run_id(), workflow_id, definition_id, params, 0, gen_random_uuid(), 'test'
    FROM workflow_runs, generate_series(1, 30)
)
INSERT INTO run_records (run_id, record_id, workflow_id, live, state, settled_at, read_hash)
SELECT run_id, record_id, workflow_id, 0, state, CASE state WHEN 'completed' THEN now() END,
       CASE state WHEN 'completed' THEN sha256('x') END
FROM over, (SELECT record_id, CASE WHEN record_id %% 10 = 0 THEN 'ended' ELSE 'completed' END AS state FROM made) AS one
"""


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_the_verdicts_that_are_due_are_looked_for_in_runs_that_work(ground: Ground, analysed: bool):
    async def look(hand: Hand) -> float:
        await hand.sql(OVER, RECORDS)
        if analysed:
            for table in ("run_records", "workflow_runs"):
                await hand.sql(f"ANALYZE {table}")
        async with hand.engine.database.transaction(by_key=True) as connection:
            return most_at_once(await explained(connection, "runs/due", {}))

    assert by_hand(ground.project(), look) <= MOST
