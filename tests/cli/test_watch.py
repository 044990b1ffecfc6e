"""`wave watch` beside a real runner: the numbers of `wave status`, lines in a pipe, and a clean terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.projects import WAVE, Ground, rows, script, wait_until

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def asked(ground: Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [WAVE, "--project", ground.folder, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def look(ground: Ground, *arguments: str) -> dict[str, Any]:
    [line] = asked(ground, "watch", "--once", "--json", *arguments).stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    assert found["schema"] == "wave.watch.v1"
    return found


def test_a_look_has_the_numbers_of_wave_status(ground: Ground):
    ground.project(rows=[*rows(3), {"name": "broken", "text": None}])
    assert ground.run() == "failed"
    [run] = look(ground)["runs"]
    status = json.loads(asked(ground, "status", "--json").stdout)
    for part in ("records", "interactions", "steps"):
        assert run[part] == status[part]
    assert run["per_minute"] == status["throughput"]["per_minute"]
    assert run["stale"] == status["stale"]["total"]
    assert run["errors"] == status["errors"]["patterns"]
    assert run["left_s"] is None


def test_a_look_at_a_project_without_runs_says_how_to_begin(ground: Ground):
    ground.project()
    assert asked(ground, "watch", "--once").stdout == "there is no run yet: wave run WORKFLOW\n"
    assert look(ground)["runs"] == []


def test_a_run_that_is_not_there_is_said(ground: Ground):
    ground.project()
    done = asked(ground, "watch", "--run", "7")
    assert done.returncode == 4
    assert "there is no run 7" in done.stderr


def test_only_runs_that_have_not_ended_are_shown_unless_one_is_named(ground: Ground):
    ground.project(rows=rows(1))
    assert ground.run() == "completed"
    second, third = ground.start(), ground.start()
    assert [run["run"]["run_id"] for run in look(ground)["runs"]] == [str(third), str(second)]
    assert [run["run"]["run_id"] for run in look(ground, "--run", "1")["runs"]] == ["1"]
    [alert] = {alert["kind"] for alert in look(ground)["alerts"]}
    assert alert == "no_runner"


def test_a_pipe_gets_a_line_for_each_change_until_the_run_has_ended(ground: Ground):
    ground.project(rows=rows(40))
    run_id = ground.start()
    command = [WAVE, "--project", ground.folder, "watch", "--run", str(run_id)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        assert first.startswith(f"run {run_id} of work: running for ")
        with ground.process("runner"):
            rest = watching.stdout.read().splitlines()  # which ends with the run
        assert watching.wait(10) == 0
    lines = [line for line in rest if line.startswith("run ")]
    assert lines[-1].startswith(f"run {run_id} of work: completed after ")
    assert "records 40 of 40 completed, 0 incomplete" in lines[-1]
    said = [(re.split(" for | after ", line)[0], *line.split("; ")[1:3]) for line in lines]
    assert len(set(said)) == len(said)  # each says something new, beside the time


def test_it_ends_in_silence_when_nobody_reads_any_more(ground: Ground):
    ground.project(rows=rows(1))
    ground.start()
    command = [WAVE, "--project", ground.folder, "watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline()
        watching.stdout.close()
        ground.start()
        assert watching.wait(30) == 0
        assert watching.stderr is not None
        assert watching.stderr.read() == ""


WAITS = script("import time\ntime.sleep(600)")


@contextmanager
def on_a_terminal(ground: Ground, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
    """Give `wave watch` on a terminal of its own, and what it has written there so far, piece by piece."""
    ours, its = pty.openpty()
    pieces: list[str] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece.decode(errors="replace"))
        except OSError:
            pass  # the terminal is closed on its side

    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    command = [WAVE, "--project", ground.folder, "watch", *arguments]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environ, start_new_session=True)
    os.close(its)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield process, pieces
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(ours)


def test_a_terminal_shows_what_is_in_hand_and_is_left_clean(ground: Ground):
    ground.project(rows=rows(2), actors={"count": WAITS})
    ground.start()
    with ground.process("runner") as runner, on_a_terminal(ground) as (watching, pieces):
        wait_until(lambda: f":{runner.pid}: 2 for count" in "".join(pieces))
        assert "lane scripts of" in "".join(pieces)
        watching.send_signal(signal.SIGINT)
        wait_until(lambda: watching.poll() is not None)
        assert watching.returncode == 0
        written = "".join(pieces)
    assert written.count(HIDE) == written.count(SHOW) == 1
    assert written.index(SHOW) > written.rindex("lane scripts of")
    assert "Traceback" not in written
