"""The main job on a larger piece of the real pages, where they lie beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.main_job import FINAL_ROWS, make_project, rows, wave

from wave_runner.servers.router import count_loads
from wave_runner.store import embedded

PAGES = Path(os.environ.get("WAVE_TEST_DATA") or "/nowhere") / "nyc-jobs" / "pages-2016"


@pytest.mark.big_data
@pytest.mark.skipif(not PAGES.is_dir(), reason="set WAVE_TEST_DATA to a folder that holds nyc-jobs/pages-2016")
def test_the_first_rows_of_2016_go_through_with_three_loads_and_every_row_accounted_for(tmp_path: Path):
    folder = make_project(tmp_path / "project")
    done = wave(folder, "run", "job_postings", "--source", str(PAGES), "--limit", "120", "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["staging"]["total"] == 120 == printed["staging"]["promoted"] + printed["staging"]["rejected"]
    found = rows(folder, FINAL_ROWS)
    assert len(found) == printed["records"]["completed"] == printed["staging"]["promoted"]
    assert all(summary and skills and score is not None for _, _, summary, score, _, _, skills in found)
    assert count_loads(folder / ".wave/servers/local/llama-server.log") == 3
    embedded.remove(folder / ".wave")
