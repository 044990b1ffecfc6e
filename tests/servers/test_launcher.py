"""The launcher ends what it started, whoever of them ends first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import wait_until

from wave_runner.servers import launcher

# A program that starts a child of its own in the same group, says both process ids and sleeps.
FAMILY = "import os,sys,time; pid = os.fork(); (print(os.getpid(), pid, flush=True) if pid else None); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FAMILY
LEAVES_A_CHILD = (
    "import os,time; pid = os.fork(); (print(os.getpid(), pid, flush=True), os._exit(7)) if pid else time.sleep(60)"
)

LEAVES_A_STUBBORN_CHILD = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LEAVES_A_CHILD


def launch(program: str, key_file: Path | str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(key_file), sys.executable]
    return subprocess.Popen(
        [*command, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def family(started: subprocess.Popen[str]) -> list[int]:
    assert started.stdout is not None
    return [int(pid) for pid in started.stdout.readline().split()]


def test_when_the_pipe_closes_the_program_and_its_children_end_and_the_key_is_gone(tmp_path: Path):
    key = tmp_path / "key"
    key.write_text("secret")
    with launch(FAMILY, key) as started:
        pids = family(started)
        assert all(map(is_running, pids))
        assert key.exists()
    assert not any(map(is_running, pids))
    assert not key.exists()
    assert started.returncode == 128 + signal.SIGTERM


def test_a_program_that_will_not_end_is_killed():
    with launch(STUBBORN) as started:
        pids = family(started)
    assert not any(map(is_running, pids))
    assert started.returncode == 128 + signal.SIGKILL


def test_when_the_program_ends_its_children_end_too_and_its_status_is_passed_on():
    with launch(LEAVES_A_CHILD) as started:
        pids = family(started)
        assert started.wait(10) == 7
    assert not any(map(is_running, pids))


def test_a_child_that_the_program_left_behind_is_killed_if_it_will_not_end():
    with launch(LEAVES_A_STUBBORN_CHILD) as started:
        pids = family(started)
        assert started.wait(10) == 7
    assert not any(map(is_running, pids))


def test_when_the_launcher_is_killed_the_program_ends_too():
    with launch(FAMILY) as started:
        program, child = family(started)
        started.kill()
        wait_until(lambda: not is_running(program))
        os.kill(child, signal.SIGKILL)  # a program must look after its own children in this one case


def test_a_signal_from_the_terminal_does_not_end_the_program():
    with launch(FAMILY) as started:
        pids = family(started)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            started.send_signal(number)
        assert started.stdin is not None
        assert started.poll() is None
        assert all(map(is_running, pids))


def test_a_program_that_does_not_exist_says_so():
    command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), "", "/no/such/program"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        assert "cannot start /no/such/program" in started.stderr.read()
        assert started.wait(10) == launcher.TROUBLE


def test_a_parent_that_is_another_ends_the_program_though_the_pipe_is_open():
    command = [sys.executable, "-I", "-S", launcher.__file__, "1234567", "", sys.executable, "-c", FAMILY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.wait(10) == 128 + signal.SIGTERM
