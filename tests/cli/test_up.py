"""`wave up`: one process that works and answers, and ends as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from tests.support.projects import WAVE, Ground, rows, wait_until
from tests.support.serving import Served


@contextlib.contextmanager
def standing(ground: Ground, **environ: str) -> Iterator[Served]:
    command = [WAVE, "--project", ground.folder, "up", "--port", "0", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env={**os.environ, **environ}, **pipes) as process:
        try:
            found = Served(process)
            with found.client:
                yield found
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_works_and_answers_until_it_is_told_to_stop(number: signal.Signals, ground: Ground):
    ground.project(rows=rows(3))
    run_id = ground.start()
    with standing(ground) as up:
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
        assert up.get("/api/v1/reports/runners").json()["rows"][0]["heard"]
        assert up.get("/readyz").json()["ready"]
        up.process.send_signal(number)
        assert up.process.wait(20) == 0
    assert ground.one("SELECT count(*) FROM runners WHERE ended_at IS NULL") == 0


def test_a_runner_that_fails_ends_all_of_it_with_its_error(ground: Ground):
    ground.project()
    ground.tampered = True
    with standing(ground) as up:
        assert up.get("/healthz").status_code == 200
        ground.sql("ALTER TABLE schedules RENAME TO taken_away")
        assert up.process.wait(30) == 70
        assert up.process.stderr is not None
        assert 'relation "schedules" does not exist' in up.process.stderr.read()


def test_a_runner_that_somebody_dismisses_ends_all_of_it(ground: Ground):
    ground.project()
    with standing(ground) as up:
        runner = str(wait_until(lambda: ground.sql("SELECT runner_id FROM runners"))[0]["runner_id"])
        command = [WAVE, "--project", ground.folder, "drain", "runner", runner]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert up.process.wait(30) == 0


def test_a_port_that_is_taken_is_said_before_anything_begins(ground: Ground):
    ground.project()
    with standing(ground) as up:
        port = up.url.rpartition(":")[2]
        command = [WAVE, "--project", ground.folder, "up", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, ground.one("SELECT count(*) FROM runners")) == (2, 1)
        assert f"cannot listen on 127.0.0.1, port {port}" in done.stderr
