"""What stands on standard error while a command works: lines for people, or documents for programs."""

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.projects import Ground, rows, script, wait_until

from wave_runner.cli import log_lines
from wave_runner.cli.log_lines import JSON, TEXT

PROGRAM = """
import logging
from wave_runner.cli.log_lines import log_to_stderr
log_to_stderr(verbose={verbose})
log = logging.getLogger("wave_runner.runner")
log.info("3 of 7")
log.warning("it is away\\n\\tand how (%s)", "gone\\nfar")
logging.getLogger("httpx").info("GET /")
"""


@pytest.mark.parametrize(("verbose", "progress"), [(False, ""), (True, "INFO 3 of 7\n")])
def test_a_warning_is_one_line_and_progress_is_told_on_request(verbose, progress):
    command = [sys.executable, "-c", PROGRAM.format(verbose=verbose)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == progress + "WARNING it is away and how (gone far)\n"


def test_a_program_gets_documents_with_the_ids_that_a_line_is_about(ground: Ground):
    says = script("ctx.progress(1, 2, note='half\\nway')\nctx.write('items', {'words': 1})\nreturn {'words': 1}")
    ground.project(rows=rows(1), actors={"count": says})
    run_id = ground.start()
    with ground.process("runner", "-v", WAVE_LOG_FORMAT="json") as runner:
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) != "running")
        runner.terminate()
        _, said = runner.communicate(timeout=30)
    [line] = [json.loads(line) for line in said.splitlines() if line.startswith("{") and "count" in line]
    [row] = ground.sql(
        "SELECT i.interaction_id, i.record_id, i.wave_id FROM interactions i WHERE record_id IS NOT NULL"
    )
    assert {name: line[name] for name in row} == {name: str(value) for name, value in row.items()}
    assert (line["run_id"], line["step"], line["level"]) == (str(run_id), "count", "info")
    assert (line["message"], line["logger"], line["pid"]) == (
        "count: 1 of 2 half way",
        "wave_runner.runner",
        runner.pid,
    )


@pytest.mark.parametrize("log_format", [TEXT, JSON])
@given(text=st.text(st.characters()))
def test_whatever_a_line_is_about_it_stays_one_and_steers_no_terminal(log_format, text):
    handler = log_lines.handler(log_format)
    record = logging.LogRecord("wave_runner", logging.WARNING, __file__, 1, "it said %s", (text,), None)
    assert handler.format(record).isprintable()


def test_what_an_exception_says_steers_no_terminal():
    try:
        raise ValueError("\x1b]0;owned\x07\x9b31m")
    except ValueError:
        record = logging.LogRecord("wave_runner", logging.ERROR, __file__, 1, "a bug", (), sys.exc_info())
    lines = log_lines.handler(TEXT).format(record).splitlines()
    assert lines[0] == "ERROR a bug"
    assert "Traceback" in lines[1]
    assert all(line.isprintable() for line in lines)
