"""Runs one program that must not outlive the process that wants it, nor leave anything behind.

    python -I -S launcher.py PARENT_PID KEY_FILE PROGRAM ARGS…

The parent holds the other end of our stdin and never writes to it. When that pipe closes — the parent closed it, ended,
or was killed with SIGKILL — the program's whole process group is asked to end, then killed. The same happens when the
program ends by itself and leaves children of its own. KEY_FILE is removed at the end, whatever the end was.

A pipe and not only PR_SET_PDEATHSIG towards the parent: that signal fires when the *thread* that started us ends. The
program itself gets PR_SET_PDEATHSIG towards us, who have one thread, so that it also ends if we are killed.

Exits with the program's status; 128 + N where signal N ended it. Needs Linux and the standard library only.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 2.0
LOOK_AT_PARENT_MS = 1000
TROUBLE = 120  # our own exit status when the program cannot be started


def main(argv: list[str]) -> int:
    """Start the program, wait until it ends or nobody wants it any more, and leave nothing running."""
    parent, key_file, command = int(argv[1]), argv[2], argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    # Orphans of the program come to us, so that we can wait for them and no zombie stays.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = start(command, libc)
    # A signal from the terminal is the parent's to handle; it tells us by closing the pipe. Not before the fork: the
    # program would inherit it and could not be asked to end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        wait_until_ended_or_unwanted(child, parent)
        return end_group(child)
    finally:
        if key_file and os.path.exists(key_file):  # noqa: PTH110 - starts in half the time without pathlib
            os.unlink(key_file)  # noqa: PTH108 - as above


def start(command: list[str], libc: ctypes.CDLL) -> int:
    """Fork and exec `command` as the leader of its own process group; return its process id."""
    launcher = os.getpid()
    child = os.fork()  # safe: this process has one thread
    if child:
        with contextlib.suppress(OSError):  # the child does it, too; whoever is first, the group is there from here on
            os.setpgid(child, child)
        return child
    try:
        os.setpgid(0, 0)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != launcher:  # it ended before the line above could count
            os._exit(TROUBLE)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(command[0], command)  # noqa: S606 - the program and its arguments come from our own caller
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error}\n".encode())
    os._exit(TROUBLE)


def wait_until_ended_or_unwanted(child: int, parent: int) -> None:
    """Return when the program has ended, stdin has closed, or `parent` is no longer our parent."""
    watched = select.poll()
    watched.register(0, select.POLLIN | select.POLLHUP)
    watched.register(os.pidfd_open(child), select.POLLIN)
    # A process that the parent forked may hold the pipe open beyond the parent's end: so look at the parent, too.
    while os.getppid() == parent and not watched.poll(LOOK_AT_PARENT_MS):
        pass


def end_group(child: int) -> int:
    """Ask the program's group to end, kill what is left after `GRACE_S`, reap everything; return the exit status."""
    status = None
    signal_group(child, signal.SIGTERM)
    give_up = time.monotonic() + GRACE_S
    killed = False
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break  # nothing of ours is left
        if pid == child:
            status = os.waitstatus_to_exitcode(ended)
        elif pid == 0 and not killed and time.monotonic() > give_up:
            signal_group(child, signal.SIGKILL)
            killed = True
        elif pid == 0:
            time.sleep(0.005)
    return TROUBLE if status is None else status if status >= 0 else 128 - status


def signal_group(leader: int, number: int) -> None:
    """Send `number` to what is left of the group, if anything is."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
