"""The workflows that may ask a person, on a real model server: random weights take any branch of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.main_job import make_project, rows, wave

from wave_runner.store import embedded

PAGES = Path(__file__).parents[1] / "data" / "nyc"
RECORDS = 4


def test_whatever_the_graders_say_every_posting_ends_with_summary_skills_and_score(tmp_path: Path):
    folder = make_project(tmp_path / "project")
    try:
        _run_to_end(folder, "postings_graded", ["summary=Somebody works for the city."], "--source", str(PAGES))
        found = rows(folder, "SELECT summary, ihl_score FROM postings WHERE ihl_verdict IS NOT NULL")
        assert len(found) == RECORDS
        assert all(summary and 0 <= score <= 100 for summary, score in found)
    finally:
        embedded.remove(folder / ".wave")


def test_whatever_the_clerk_says_every_request_ends_with_a_team_and_an_answer(tmp_path: Path):
    folder = make_project(tmp_path / "project", "service_requests")
    try:
        _run_to_end(folder, "service_requests", ["team=POLICE", "urgency=SOON"])
        assert len(rows(folder, "SELECT 1 FROM requests WHERE team IS NOT NULL AND answer IS NOT NULL")) == RECORDS
    finally:
        embedded.remove(folder / ".wave")


def _run_to_end(folder: Path, workflow: str, fields: list[str], *said: str) -> None:
    """Run it with few records, decide what people are asked, and go on; every record must be completed."""
    ran = wave(folder, "run", workflow, *said, "--limit", str(RECORDS), "--json")
    assert ran.returncode in {0, 6}, ran.stderr
    if ran.returncode == 6:
        _decide(folder, fields)
        ran = wave(folder, "run", workflow, "--resume", "--json")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["run"]["state"], report["records"]["completed"]) == (0, "completed", RECORDS)


def _decide(folder: Path, fields: list[str]) -> None:
    tasks = json.loads(wave(folder, "tasks", "list", "--json").stdout)["rows"]
    assert tasks
    values = [word for field in fields for word in ("--set", field)]
    for task in tasks:
        number = str(task["task"])
        assert wave(folder, "tasks", "claim", number).returncode == 0
        assert wave(folder, "tasks", "decide", number, *values).returncode == 0
