"""`wave demo`: as many postings as were asked for go through, and its folder is removed."""

import json
import os
import subprocess
import sys

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


IN_A_FOLDER = """
from wave_runner.cli.demo_run import project_folder
from wave_runner.project.materialise import materialise
with project_folder(None) as folder:
    materialise({"actors/a.py": b""}, folder / ".wave/work/scripts/abc")
    print(folder)
"""
# Root may write where nobody else may, unless it gives that right up.
ORDINARY = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"] if os.geteuid() == 0 else []


def test_a_user_who_is_not_root_keeps_nothing_of_the_demo_either(tmp_path):
    environment = {"PATH": os.defpath, "TMPDIR": str(tmp_path)}
    command = [*ORDINARY, sys.executable, "-c", IN_A_FOLDER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
