"""O: a source gives less than it announces. What came is processed, and the run does not say that it is done."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.intake import intake
from tests.support.projects import Ground
from tests.support.scripted_http import Answer, scripted_site

SAMPLE = Path(__file__).parents[2] / "src/wave_runner/projects/job_postings/data/sample.jsonl"


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
