"""At 200,000 interactions a report, a page of the list, and what is picked from it read no more than they are about."""

from __future__ import annotations

from collections.abc import Callable

from tests.plans.explained import explained, most_at_once, scanned
from tests.support.many import BROKEN, DOUBTED, FAILED, MANY, OTHERS, RUN, many
from tests.support.projects import Ground, Make

from wave_runner.engine import Engine
from wave_runner.reports.interactions import LIMIT, LOOK, NEWEST
from wave_runner.reports.reviews import RUNS

NOTHING = {"step": None, "state": None, "error_class": None, "rule": None, "record_id": None}
TROUBLE = FAILED + BROKEN + DOUBTED


def test_no_page_and_no_pick_reads_more_than_it_is_about(made: Callable[[Make], Ground]):
    ground = made(many)
    record = ground.one("SELECT max(record_id) FROM run_records WHERE run_id = %s", RUN)
    some = [
        row["id"]
        for row in ground.sql("SELECT interaction_id AS id FROM interactions WHERE run_id = %s LIMIT 500", RUN)
    ]
    of = {"run_id": RUN, **NOTHING}
    page = {**of, "before": NEWEST, "limit": LIMIT, "look": LOOK, "by": "place"}
    pick = {**of, "ids": [], "person": "otto", "lasts_s": 60, "most": 2 * MANY}
    asked = {
        "newest": ("reports/interactions", page, LOOK),
        "rare": ("reports/interactions", {**page, "state": "waiting"}, LOOK),
        "trouble": ("reports/interactions", {**page, "by": "trouble", "error_class": "timeout"}, TROUBLE),
        "record": ("reports/interactions", {**page, "by": "record", "record_id": record}, LIMIT),
        "pick of trouble": ("picks/make", {**pick, "by": "trouble", "state": "failed"}, TROUBLE),
        "pick of a record": ("picks/make", {**pick, "by": "record", "record_id": record}, LIMIT),
        "pick of some": ("picks/make", {**pick, "by": "given", "ids": some}, len(some)),
        "reviews": ("reports/reviews", {"workflow": None, "runs": RUNS, "limit": 100, "lately_s": 60}, 100),
        "live counts": ("counts/by_step", of, LIMIT),
        "errors": ("reports/errors", of, TROUBLE),
        "the newest errors": ("reports/newest_errors", {**of, "limit": 5}, TROUBLE),
        "some errors": ("reports/recent_errors", {**of, "ids": some[:5]}, LIMIT),
        "incomplete": ("reports/incomplete", {**of, "limit": 10}, FAILED + BROKEN),
        "newest runs": ("reports/newest_runs", {"workflow": None, "runs": 20}, LIMIT),
        "causes": ("reports/causes", {"run_ids": [RUN, RUN - 1], "most": 1000}, TROUBLE + OTHERS),
        "kept details": ("run_sums/details", {"run_ids": [RUN, RUN - 1]}, LIMIT),
        "details": ("interim_sums/details", {"run_ids": [RUN, RUN - 1]}, LIMIT),
        "what was said": ("reports/said", {"run_ids": [RUN] * 5, "ids": some[:5]}, LIMIT),
        "loads": ("reports/model_loads", of, LIMIT),
        "limits": ("reports/spending", of, LIMIT),
        "tasks": ("reports/waiting_for_people", of, LIMIT),
        "whom to count": ("interim_sums/take", {"least": MANY, "longest_s": 1}, LIMIT),
        # It looks at its whole run, and at no other beside it.
        "pick of all": ("picks/make", {**pick, "run_id": RUN - 1, "by": "place", "state": "pending"}, OTHERS + 10),
    }

    async def look(engine: Engine) -> dict[str, float]:
        found = {}
        async with engine.database.transaction() as connection:
            for name, (statement, given, _) in asked.items():
                plan = await explained(connection, statement, given)
                assert scanned(name, plan) == []
                found[name] = most_at_once(plan)
        return found

    read = ground.do(look)
    assert {name: n for name, n in read.items() if n > asked[name][2]} == {}
