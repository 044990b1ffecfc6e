"""No room on the disk that a runner works on: it waits for room, and loses and repeats nothing."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash import workload
from tests.support.invariants import broken_invariants
from tests.support.projects import WAVE, Ground, rows, script, wait_until

from wave_runner.core.control import Subject

SIZE = 2_000_000
PIECE = 64 * 1024
N = 3

# It needs room of its own while it works, in the folder that each worker has.
SPOOL = script(
    f"""
    import os
    with open(os.path.join(os.environ["TMPDIR"], "spool"), "wb") as spool:
        spool.write(bytes({SIZE // 4}))
    words = len(item["text"].split())
    ctx.write("items", {{"words": words}})
    return {{"words": words}}
    """
)
SETTINGS = "[scripts.count]\nmax_attempts = 30\n"


@pytest.fixture
def small(ground: Ground) -> Iterator[Ground]:
    """The project, with a disk of its own for what the runner writes."""
    ground.project(rows=rows(N), actors={"count": SPOOL}, toml=SETTINGS)
    disk = ground.folder / ".wave"
    disk.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "wave-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system takes root, and a container that lets it")
    try:
        yield ground
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(ground: Ground, *, but: int = 0) -> Path:
    """Leave no room on the project's disk, or so little."""
    filler = ground.folder / ".wave" / "filler"
    with filler.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(PIECE))
        file.truncate(file.tell() - but)
    return filler


def lives_on(ground: Ground, running: subprocess.Popen[str]) -> None:
    """Wait until the runner has been in touch for a while, and had every occasion to meet the full disk."""
    beats = f"SELECT max(heartbeat_at - started_at) > interval '{3 * workload.LEASE_S} s' FROM runners"
    wait_until(lambda: ground.one(beats) or running.poll() is not None)
    assert running.poll() is None, running.stderr.read()


def check(ground: Ground, running: subprocess.Popen[str], says: str) -> None:
    """It has done everything once, and has said what it waited for."""
    wait_until(lambda: workload.state(ground) == "completed")
    running.terminate()
    assert running.wait(workload.PATIENCE_S) == 0
    assert says in running.stderr.read()
    assert ground.items() == {row["name"]: 4 for row in rows(N)}
    assert ground.one("SELECT count(*) FROM value_writes") == N
    assert broken_invariants(ground.url, lease_s=workload.LEASE_S) == {}


def test_a_runner_without_room_for_its_scripts_waits_for_it(small: Ground):
    small.start()
    filler = fill(small)
    with small.process("runner", **workload.SETTINGS) as running:
        lives_on(small, running)
        assert small.states("fetch") == {"pending": 1}
        assert small.one("SELECT max(attempt) FROM interactions") == 0
        filler.unlink()
        check(small, running, "No space left on device")


def test_a_script_without_room_fails_by_its_own_error_and_is_tried_again(small: Ground):
    small.start()
    small.do(lambda engine: engine.orders().pause(Subject.ACTOR, "count"))
    with small.process("runner", **workload.SETTINGS) as running:
        wait_until(lambda: small.states("count") == {"pending": N} or running.poll() is not None)
        # The files of all steps are there: only what the script itself wants has no room.
        filler = fill(small, but=2 * PIECE)
        small.do(lambda engine: engine.orders().resume(Subject.ACTOR, "count"))
        refused = "SELECT count(*) FROM interactions WHERE error LIKE '%%No space left on device%%'"
        wait_until(lambda: small.one(refused) or running.poll() is not None)
        assert running.poll() is None, running.stderr.read()
        filler.unlink()
        check(small, running, "")


def test_a_runner_that_may_write_no_file_waits_until_it_may(ground: Ground):
    ground.project(rows=rows(N))
    ground.start()
    command = ["bash", "-c", 'ulimit -S -f 0 && exec "$@"', "bash", WAVE, "--project", ground.folder, "runner"]
    told = {**os.environ, **workload.SETTINGS}
    with subprocess.Popen(command, env=told, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        try:
            lives_on(ground, running)
            assert ground.states("fetch") == {"pending": 1}
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            check(ground, running, "File too large")
        finally:
            running.kill()
