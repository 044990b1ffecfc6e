"""The workflow with graders, improver, person and debate on a real model server: random weights take any branch."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.main_job import make_project, rows, wave

from wave_runner.store import embedded

PAGES = Path(__file__).parents[1] / "data" / "nyc"
POSTINGS = 4


def test_whatever_the_graders_say_every_posting_ends_with_summary_skills_and_score(tmp_path: Path):
    folder = make_project(tmp_path / "project")
    try:
        ran = wave(folder, "run", "postings_graded", "--source", str(PAGES), "--limit", str(POSTINGS), "--json")
        assert ran.returncode in {0, 6}, ran.stderr
        if ran.returncode == 6:
            _write_what_is_asked_for(folder)
            ran = wave(folder, "run", "postings_graded", "--resume", "--json")
        report = json.loads(ran.stdout)
        assert (ran.returncode, report["run"]["state"], report["records"]["completed"]) == (0, "completed", POSTINGS)
        found = rows(folder, "SELECT summary, ihl_score FROM postings WHERE ihl_verdict IS NOT NULL")
        assert len(found) == POSTINGS
        assert all(summary and 0 <= score <= 100 for summary, score in found)
    finally:
        embedded.remove(folder / ".wave")


def _write_what_is_asked_for(folder: Path) -> None:
    tasks = json.loads(wave(folder, "tasks", "list", "--json").stdout)["rows"]
    assert tasks
    for task in tasks:
        number = str(task["task"])
        assert wave(folder, "tasks", "claim", number).returncode == 0
        assert wave(folder, "tasks", "decide", number, "--set", "summary=Somebody works for the city.").returncode == 0
