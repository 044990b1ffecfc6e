"""`wave demo`: as many postings as were asked for go through."""

import json

import pytest

from wave_runner import Promote
from wave_runner.cli.demo_run import rows_for
from wave_runner.project.folder import find_project
from wave_runner.project.init import init_project
from wave_runner.projects.job_postings.actors.documents import parse_lines
from wave_runner.projects.job_postings.actors.postings_staging_validator import decide


@pytest.mark.parametrize("postings", [1, 5, 10, 25, 40, 100])
def test_the_rows_that_the_demo_fetches_hold_as_many_good_postings_as_were_asked_for(tmp_path, postings):
    init_project(tmp_path / "project", "job_postings")
    sample = find_project(tmp_path / "project") / "data" / "sample.jsonl"
    with sample.open("rb") as stream:
        rows = [json.loads(row) for row in parse_lines(stream, sample.name)][: rows_for(postings, sample)]
    staged = [{"id": number, "raw": row, "source": "sample"} for number, row in enumerate(rows, start=1)]
    assert sum(isinstance(decision, Promote) for decision in decide(staged, set())) == postings
