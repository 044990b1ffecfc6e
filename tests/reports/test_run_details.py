"""What is kept of a run's calls, of what it wrote and of what failed in it is what a count gives, and ends with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.reports.test_run_sums import kept, with_one_that_fails
from tests.runner.test_cost import GOOD, priced
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, wait_until

from wave_runner.engine import Engine
from wave_runner.reports import failures as causes
from wave_runner.reports.cost import By, cost
from wave_runner.reports.delta import delta
from wave_runner.reports.failures import failures
from wave_runner.store import run_sums

UNSETTLED = """\
INSERT INTO ledger (run_id, interaction_id, attempt, run_step_id, record_id, reserved_tokens, reserved_money)
SELECT run_id, interaction_id, 9, run_step_id, record_id, 100, 7000000000 FROM ledger
ORDER BY interaction_id LIMIT 1 RETURNING interaction_id
"""


def said(ground: Ground) -> list[Any]:
    async def ask(engine: Engine) -> list[Any]:
        costs = [await cost(engine.database, 1, by=by) for by in By]
        return [*costs, await delta(engine.database, 1), await failures(engine.database)]

    return ground.do(ask)


def keep(ground: Ground) -> bool:
    return ground.do(lambda engine: run_sums.keep(engine.database, least=1))


@pytest.fixture
def done(ground: Ground, tmp_path: Path) -> Ground:
    """Three records, of which the second needs two calls."""
    bad = {"match": "text 1", "times": 1, "text": "no word at all"}
    with OpenAIStub(tmp_path / "stub", [bad, GOOD]) as stub:
        assert priced(ground, n=3, url=stub.url).run() == "completed"
    return ground


def test_what_is_kept_is_what_was_counted_and_is_not_counted_again(done: Ground):
    counted = said(done)
    assert [one.total.calls for one in counted[:4]] == [4] * 4
    assert counted[4].savers[0].saved == 3
    wait_until(lambda: keep(done))
    assert said(done) == counted
    done.tampered = True
    done.sql("UPDATE records SET key = 'another key' WHERE key = 'item 01'")
    [by_record] = [one for one in said(done) if getattr(one, "by", None) == By.RECORD]
    assert "another key" in {line.record for line in by_record.lines}, "names are those of now"
    details = json.loads(done.one("SELECT details FROM run_sums"))
    details["costs"]["step"][0]["calls"] = details["written"]["saved"] = 77
    done.sql("UPDATE run_sums SET details = %s", json.dumps(details))
    assert (said(done)[0].total.calls, said(done)[4].saved) == (77, 77)


def test_causes_are_kept_too(ground: Ground):
    with_one_that_fails(ground)
    counted = said(ground)
    [cause] = counted[5].rows
    assert (cause.n, cause.records, cause.error) == (
        1,
        1,
        ground.one("SELECT error FROM interactions WHERE state = 'failed'"),
    )
    wait_until(lambda: keep(ground))
    assert said(ground) == counted
    ground.tampered = True
    ground.sql("UPDATE interactions SET error_class = 'timeout' WHERE state = 'failed'")
    assert said(ground) == counted, "they are read, and not counted"


def test_a_call_whose_end_is_seen_after_its_run_has_ended_is_counted(done: Ground):
    done.tampered = True
    interaction = done.one(UNSETTLED)
    wait_until(lambda: keep(done))
    [before, *_] = said(done)
    assert (before.total.calls, before.total.unseen, before.total.unseen_cost) == (5, 1, 7)
    assert kept(done) is not None
    settled = {"accepted": False, "tokens_in": 1, "tokens_cached": 0, "tokens_out": 1, "service_us": 5}
    given = {
        "run_ids": 1,
        "ids": interaction,
        "attempts": 9,
        **settled,
        "token_money": 3_000_000_000,
        "machine_money": 0,
    }
    done.do(lambda engine: engine.database.fetch("ledger/settle", {name: [one] for name, one in given.items()}))
    after = said(done)
    assert (after[0].total.unseen, after[0].total.failed, after[0].total.failed_cost) == (
        0,
        2,
        3 + before.total.failed_cost,
    )
    wait_until(lambda: keep(done))
    assert not keep(done), "it is added up once more, and not again"
    assert said(done) == after


def of(run: int, records: int, ids: list[int] | None, **other: Any) -> dict[str, Any]:
    cause = {"step": "count", "actor": "count", "state": "failed", "error_class": "timeout", "rule": None}
    at = datetime(2026, 1, run, tzinfo=UTC)
    return {
        **cause,
        "run_id": run,
        "n": records,
        "records": records,
        "record_ids": ids,
        "newest": at,
        "interaction_id": 100 * run,
        **other,
    }


def test_records_of_several_runs_are_counted_once_where_it_is_known_which_they_are():
    workflows = {1: "work", 2: "work", 3: "other"}
    [same] = causes._merged([of(2, 2, [7, 9]), of(1, 2, [7, 8])], workflows)
    assert (same["n"], same["records"], same["runs"], same["first_run_id"], same["last_run_id"]) == (4, 3, 2, 1, 2)
    assert (same["interaction_id"], same["newest"]) == (200, datetime(2026, 1, 2, tzinfo=UTC))
    [many] = causes._merged([of(1, 2000, None), of(2, 1, [7])], workflows)
    assert (many["n"], many["records"]) == (2001, None)
    [alone] = causes._merged([of(1, 2000, None)], workflows)
    assert alone["records"] == 2000
    rule = of(1, 3, [1, 2, 3], rule="guard", error_class=None)
    found = causes._merged([of(1, 1, [1]), rule, of(3, 2, [5, 6])], workflows)
    assert [(one["workflow"], one["n"]) for one in found] == [("work", 3), ("other", 2), ("work", 1)]
