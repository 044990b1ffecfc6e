"""The main job, end to end, as a person runs it: real postings, a real model server, the database that comes along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.main_job import FINAL_ROWS, command, environment, make_project, rows, status, wave
from tests.support.waiting import wait_until

from wave_runner.servers.router import count_loads
from wave_runner.store import embedded

PAGES = Path(__file__).parents[1] / "data" / "nyc"
LOG = Path(".wave/servers/local/llama-server.log")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose one run went through without trouble."""
    folder = make_project(tmp_path_factory.mktemp("undisturbed") / "project")
    done = wave(folder, "run", "job_postings", "--source", str(PAGES), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"]["state"] == "completed"
    yield folder
    embedded.remove(folder / ".wave")


def test_every_promoted_posting_has_its_summary_its_skills_and_its_score(undisturbed: Path):
    found = rows(undisturbed, FINAL_ROWS)
    assert found
    for _, _, summary, score, verdict, _, skills in found:
        assert summary
        assert skills
        assert 0 <= score <= 100
        assert verdict in {"GENUINE", "BORDERLINE", "COMPLIANCE_THEATER", "FAKE"}


def test_what_was_staged_was_promoted_or_rejected_with_a_reason(undisturbed: Path):
    counted = dict(rows(undisturbed, "SELECT state, count(*) FROM staged_records GROUP BY state"))
    staging = status(undisturbed)["staging"]
    assert staging["total"] == staging["promoted"] + staging["rejected"] == sum(counted.values())
    assert staging["promoted"] == counted["promoted"]
    assert not rows(undisturbed, "SELECT 1 FROM staged_records WHERE state = 'rejected' AND errors = '[]'")


def test_the_counts_that_status_prints_are_those_that_sql_counts(undisturbed: Path):
    printed = status(undisturbed)
    by_state = dict(rows(undisturbed, "SELECT state::text, count(*) FROM interactions GROUP BY state"))
    assert printed["interactions"]["by_state"] == by_state
    completed = rows(undisturbed, "SELECT count(*) FROM run_records WHERE state = 'completed'")[0][0]
    assert printed["records"]["completed"] == completed
    for step in printed["steps"]:
        states = f"""SELECT i.state::text, count(*) FROM interactions i JOIN run_steps r USING (run_step_id)
                     JOIN steps s USING (step_id) WHERE s.name = '{step["step"]}' GROUP BY 1"""
        assert step["states"] == dict(rows(undisturbed, states))


def test_each_of_three_models_is_loaded_once_by_the_servers_own_log(undisturbed: Path):
    assert count_loads(undisturbed / LOG) == 3
    assert status(undisturbed)["model_loads"] == 3


def test_a_posting_has_ten_events_of_five_steps_and_two_of_the_sixth_in_one_chain(undisturbed: Path):
    key = rows(undisturbed, "SELECT key FROM records ORDER BY record_id LIMIT 1")[0][0]
    traced = wave(undisturbed, "trace", key, "--json")
    assert traced.returncode == 0, traced.stderr
    chain = json.loads(traced.stdout)
    assert chain["breaks"] == []
    own = [event for event in chain["events"] if event["own"]]
    assert len(own) == 12


def test_a_run_that_is_killed_and_resumed_ends_with_the_same_rows(undisturbed: Path, tmp_path: Path):
    """Whatever `kill -9` of the runner interrupts, nothing is lost and nothing is done twice."""
    folder = make_project(tmp_path / "killed")
    short = {"WAVE_LEASE_S": "3", "WAVE_RENEW_S": "1"}
    run = subprocess.Popen(
        command("run", "job_postings", "--source", str(PAGES)),
        cwd=folder,
        env=environment(short),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_some_work(folder, run)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    resumed = wave(folder, "run", "job_postings", "--resume", **short)
    assert resumed.returncode == 0, resumed.stderr
    assert rows(folder, FINAL_ROWS) == rows(undisturbed, FINAL_ROWS)
    doubled = "SELECT 1 FROM value_writes GROUP BY record_id, table_name, column_name HAVING count(*) > 1"
    assert rows(folder, doubled) == []
    embedded.remove(folder / ".wave")


def wait_for_some_work(folder: Path, run: subprocess.Popen[bytes]) -> None:
    """Wait until the second model is at work: in the middle of everything."""

    def second_model_is_loaded() -> bool:
        assert run.poll() is None, "the run ended before it could be killed"
        return (folder / LOG).exists() and count_loads(folder / LOG) >= 2

    wait_until(second_model_is_loaded, "the second model was not loaded in time", within=120)
