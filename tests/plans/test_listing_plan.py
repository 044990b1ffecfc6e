"""A page of a long list reads as much as the page shows, or as it says that it looks at, however long the list is."""

from __future__ import annotations

import pytest
from tests.plans.explained import explained, most_at_once, scanned
from tests.support.by_hand import Hand, by_hand, hand_of
from tests.support.projects import Ground

from wave_runner.reports.interactions import NEWEST

MINE, OTHERS = 20_000, 5_000
FAILED = 20
LOOK, LIMIT = 1_000, 50
OLDEST = 160000
FAIL = """\
UPDATE interactions SET state = 'failed', error = '-', error_class = 'timeout', finished_at = now()
WHERE run_id = %s AND interaction_id %% %s = 0
"""
WAVES = """\
INSERT INTO waves (runner_id, runner_seq, queue_id, size, lease_expires_at, closed_at)
SELECT runner_id, 1000 + n, queue_id, 1, now(), now() FROM waves, generate_series(1, 5000) AS n
"""
OPENED = """\
INSERT INTO interaction_events (run_id, form, type, wave_id, data, sha256)
SELECT 0, 1, 'wave_opened', wave_id, '{}', sha256('{}') FROM waves
"""
NOTHING = {"step": None, "state": None, "error_class": None, "rule": None}


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_no_page_reads_more_than_it_needs(ground: Ground, analysed: bool):
    ground.project()
    if int(ground.one("SHOW server_version_num")) < OLDEST:
        pytest.skip("PostgreSQL 15 reads a run of this size as a whole for some of these pages: not bounded there yet")

    async def look(hand: Hand) -> dict[str, float]:
        await hand.seed(MINE)
        await hand.begin(await hand.claim(size=500))
        await (await hand_of(hand.engine)).seed(OTHERS)
        await hand.sql(FAIL, hand.run_id, MINE // FAILED)
        await hand.sql(WAVES)
        await hand.sql(OPENED)
        if analysed:
            for table in ("interactions", "interaction_events", "records", "run_records", "waves"):
                await hand.sql(f"ANALYZE {table}")
        [record] = await hand.sql("SELECT max(record_id) AS id FROM run_records WHERE run_id = %s", hand.run_id)
        of = {"run_id": hand.run_id, "before": NEWEST, "limit": LIMIT}
        page = {**of, **NOTHING, "look": LOOK, "record_id": None, "by": "place"}
        asked = {
            "any": ("reports/interactions", page),
            "rare": ("reports/interactions", {**page, "state": "waiting"}),
            "trouble": ("reports/interactions", {**page, "by": "trouble", "error_class": "timeout"}),
            "record": ("reports/interactions", {**page, "by": "record", "record_id": record["id"]}),
            "look": ("reports/interactions_look", {"run_id": hand.run_id, "before": NEWEST, "look": LOOK}),
            "events": ("reports/events", of),
            "matrix": ("reports/matrix", {"run_id": hand.run_id, "after": 0, "limit": LIMIT}),
            "waves of a run": ("reports/waves", of),
            "failures": ("reports/causes", {"run_ids": [hand.run_id], "most": 1000}),
            "waves": ("reports/waves", {**of, "run_id": None}),
            "loads of models": ("reports/model_loads", {"run_id": hand.run_id}),
        }
        found = {}
        async with hand.engine.database.transaction() as connection:
            for name, (statement, given) in asked.items():
                plan = await explained(connection, statement, given)
                assert scanned(name, plan) == []
                found[name] = most_at_once(plan)
        return found

    read = by_hand(ground, look)
    most = {"rare": LOOK, "look": LOOK, "any": LOOK}
    assert {name: n for name, n in read.items() if n > most.get(name, 6 * LIMIT)} == {}
