"""Driving a run: what a person sees of its log."""

import subprocess
import sys

import pytest

PROGRAM = """
import logging
from wave_runner.cli.driving import log_to_stderr
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
