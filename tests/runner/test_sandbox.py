"""The sandbox of a script, as a run has it: recorded with each attempt, and what it refuses said with what opens it."""

from __future__ import annotations

import ctypes
import json
import os

import pytest
from tests.support.projects import Ground, rows, run_to_end, script
from tests.support.script_zoo import without_programs

from wave_runner.actors import host, processes
from wave_runner.core.sandbox import Level
from wave_runner.engine import Engine

HERE = host.look()
STEPS = """\
open: {actor: opens, next: walled}
walled: {actor: walled, next: end}
"""
READS = "return {'got': open('/etc/passwd').read()[:4]}"
PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4


@pytest.mark.skipif(bool(HERE.lacks(Level.OWN)), reason=HERE.lacks(Level.OWN) or "-")
def test_an_attempt_says_its_sandbox_and_what_that_refused_says_what_would_open_it(ground: Ground) -> None:
    actors = {"opens": script(READS), "walled": script(f"{READS}  # as well")}
    toml = '[scripts.opens]\nsandbox = "none"\n\n[scripts.walled]\nnetwork = ["nobody.example"]\n'
    ground.project(rows=rows(1), steps=STEPS, actors=actors, toml=toml)
    assert ground.do(run_to_end) == "failed"
    error = ground.one("SELECT error FROM interactions WHERE state = 'failed'")
    assert '`may_read = ["/etc/passwd"]` or `may_write` in [scripts.walled] of wave.toml' in error
    told = ground.sql("SELECT actor, data FROM interaction_events WHERE type = 'interaction_started'")
    said = {row["actor"]: json.loads(row["data"])["sandbox"] for row in told}
    own = f"own/{HERE.landlock}"
    assert said == {"fetch": own, "check": own, "walled": own, "opens": "none"}
    assert len(told) == 4, "what is refused once is refused again: it is not tried again"


def test_where_the_level_is_not_to_be_had_nothing_of_the_script_runs(ground: Ground) -> None:
    steps = "open: {actor: opens, next: end}"
    toml = '[scripts.opens]\nsandbox = "strict"\n'
    ground.project(rows=rows(1), steps=steps, actors={"opens": script(READS)}, toml=toml)
    with without_programs(ground.folder):  # bwrap is one
        assert ground.do(run_to_end) == "failed"
    error = ground.one("SELECT error FROM interactions WHERE state = 'failed'")
    assert "opens does not run here: its sandbox is to be `strict`" in error
    [told] = ground.sql("SELECT data FROM interaction_events WHERE type = 'interaction_started' AND actor = 'opens'")
    assert "sandbox" not in json.loads(told["data"])


def test_a_process_that_knows_the_database_is_hidden_from_others(ground: Ground) -> None:
    async def dumpable(engine: Engine) -> int:
        return int(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))

    ground.project()
    assert ground.do(dumpable) == 0


def test_nobody_else_of_the_same_user_reads_what_hides() -> None:
    said, saying = os.pipe()
    hidden = os.fork()
    if not hidden:
        _as_nobody()
        processes.hide()
        os.write(saying, b"hidden")
        os.read(os.pipe()[0], 1)  # until it is killed
        os._exit(1)
    os.read(said, 6)
    try:
        reader = os.fork()
        if not reader:
            _as_nobody()
            try:
                open(f"/proc/{hidden}/environ", "rb").read()  # noqa: SIM115, PTH123
            except PermissionError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]) == 0
    finally:
        processes.kill([hidden])
        os.waitpid(hidden, 0)
        os.close(said)
        os.close(saying)


def _as_nobody() -> None:
    """Become somebody who is not root, where this is root: root may look at everything."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    # Who has changed its user is hidden already.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
