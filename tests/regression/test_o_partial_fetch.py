"""O: a source gives less than it had. What came is processed; the rest has vanished only where that can be believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.intake import intake
from tests.support.projects import Ground
from tests.support.refetched import give, refetched, run
from tests.support.scripted_http import Answer, scripted_site

SAMPLE = Path(__file__).parents[2] / "src/wave_runner/projects/job_postings/data/sample.jsonl"
VANISHED = "SELECT key FROM records WHERE vanished_in IS NOT NULL ORDER BY record_id"


def test_regression_o_a_fetch_that_is_not_whole_makes_its_run_fail_and_loses_nothing(ground: Ground):
    given = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:4]]
    with scripted_site() as site:
        site.on("/jobs", Answer(json.dumps({"@odata.count": 10, "value": given}).encode()))
        assert intake(ground, f"{site.url}/jobs") == "failed"
    assert ground.sql("SELECT reason, broken FROM workflow_runs") == [
        {
            "reason": "postcondition_failed",
            "broken": '["fetch.complete || fetch.reason == \\"limit\\": does not hold"]',
        }
    ]
    assert ground.one("SELECT count(*) FROM postings") == 4
    assert ground.one("SELECT count(*) FROM run_records WHERE state = 'completed'") == 4


@pytest.fixture
def thousand(ground: Ground) -> Ground:
    """A source that had 1,000 rows, in a collection in which a fifth of them may vanish at once."""
    refetched(ground, toml="hold_above = 0.2")
    give(ground, range(1000))
    assert run(ground) == "completed"
    assert ground.sql("SELECT known, vanished, state FROM batches") == [{"known": 0, "vanished": 0, "state": "settled"}]
    return ground


def test_regression_o_a_fetch_that_breaks_off_lets_nothing_vanish(thousand: Ground):
    give(thousand, range(400), then="raise TimeoutError('the source does not answer')")
    assert run(thousand) == "failed"
    assert thousand.sql(VANISHED) == []
    assert thousand.one("SELECT count(*) FROM batches") == 1


def test_regression_o_a_fetch_that_says_it_is_not_whole_lets_nothing_vanish(thousand: Ground):
    give(thousand, range(400), whole=False)
    assert run(thousand) == "completed"
    assert thousand.sql(VANISHED) == []


def test_regression_o_too_much_at_once_is_held_until_somebody_says_what_it_means(thousand: Ground):
    give(thousand, range(400))
    assert run(thousand) == "completed"
    assert thousand.sql(VANISHED) == []
    held = thousand.sql("SELECT known, vanished FROM batches WHERE state = 'held'")
    assert held == [{"known": 1000, "vanished": 600}]
    assert thousand.one("SELECT kind FROM alerts") == "batch_held"


def test_regression_o_ten_of_a_thousand_vanish_and_the_log_names_them(thousand: Ground):
    give(thousand, range(990))
    assert run(thousand) == "completed"
    gone = thousand.sql(VANISHED)
    assert [row["key"] for row in gone] == [f"item {n:04}" for n in range(990, 1000)]
    told = json.loads(thousand.one("SELECT data FROM interaction_events WHERE type = 'records_vanished'"))
    assert len(told["records"]) == 10
    assert thousand.one("SELECT count(*) FROM items") == 1000, "the user's own rows are left alone"
