"""`wave status` of a large run reads what it was added up to, and of its interactions those that are in trouble."""

from __future__ import annotations

import pytest
from tests.plans.explained import explained, most_at_once, scanned
from tests.support.by_hand import Hand, by_hand, hand_of
from tests.support.projects import Ground, until

from wave_runner.store import run_sums

MINE, OTHERS, FAILED, MOST = 5_000, 2_000, 5, 100
IN_HAND = 50
END = """\
WITH taken AS (DELETE FROM claimable WHERE run_id = %(run_id)s)
UPDATE workflow_runs SET state = 'failed', reason = 'step_failed', ended_at = clock_timestamp()
WHERE run_id = %(run_id)s
"""
FAIL = """\
UPDATE interactions SET state = 'failed', error = '-', error_class = 'timeout', finished_at = now()
WHERE run_id = %s AND interaction_id %% %s = 0
"""


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_a_large_run_is_not_counted_when_it_is_asked_about(ground: Ground, analysed: bool):
    ground.project()

    async def look(hand: Hand) -> dict[str, float]:
        await hand.seed(MINE)
        await hand.sql(FAIL, hand.run_id, MINE // FAILED)
        async with hand.engine.database.transaction() as connection:
            await connection.execute(END, {"run_id": hand.run_id})
        other = await hand_of(hand.engine)
        await other.seed(OTHERS)
        await other.begin(await other.claim(size=IN_HAND))
        await hand.engine.database.fetch("counts/fold")
        # Not while a transaction is open that is older, in whatever database of the server.
        await until(lambda: run_sums.keep(hand.engine.database, least=MINE))
        assert await run_sums.keep_interim(hand.engine.database, least=OTHERS)
        if analysed:
            for table in ("interactions", "interaction_events", "run_records", "staged_records", "run_sums", "claimed"):
                await hand.sql(f"ANALYZE {table}")
        newest = await hand.engine.database.fetch("reports/newest_errors", {"run_id": hand.run_id, "limit": 5})
        failed = [row["interaction_id"] for row in newest]
        of, under_way = {"run_id": hand.run_id}, {"run_id": other.run_id}
        limits = {"older_than_s": None, "few": 20, "least_s": 1.0, "unmeasured_s": 1800.0, "limit": 10}
        asked = {
            "run_sums/read": of,
            "run_sums/due": {"least": 1, "newest": run_sums.NEWEST},
            "interim_sums/read": under_way,
            "interim_sums/take": {"least": 1, "longest_s": 1},
            "counts/by_step": of,
            "reports/overall": of,
            "reports/actors": of,
            "reports/errors": of,
            "reports/newest_errors": {**of, "limit": 5},
            "reports/recent_errors": {**of, "ids": failed},
            "reports/incomplete": {**of, "limit": 10},
            "reports/rejections": of,
            "reports/stale": {**of, **limits},
            "reports/runs": {"workflow": None, "state": None, "before": None, "limit": 50},
        }
        found = {}
        async with hand.engine.database.transaction() as connection:
            for name, given in asked.items():
                plan = await explained(connection, name, given)
                # What is in hand has no index by run: it is little.
                assert [one for one in scanned(name, plan) if "claimed" not in one] == []
                found[name] = most_at_once(plan)
        return found

    read = by_hand(ground, look)
    assert {name: n for name, n in read.items() if n > MOST} == {}
