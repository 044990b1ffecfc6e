"""Ends the embedded server when its last user has ended, however that user ended.

Every process that uses the server holds a shared lock on `users.lock`, which the kernel drops even after `kill -9`.
The keeper waits, in a session of its own, for the exclusive lock. When it gets it nobody uses the server and nobody
can begin to (a starter needs the shared lock first), so it stops the server in peace and ends.

A second lock, `server.lock`, is handed down from the starter to the server and from there to all its processes. It is
free exactly when none of them lives, which a process number in a file can never tell: numbers are used again.

This file runs as a script with the standard library alone, so that the process that waits stays small.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

# A fast shutdown writes one checkpoint. If that takes longer than this the disk is in trouble, and an immediate
# shutdown, which loses nothing but needs recovery at the next start, is the better end.
FAST_SHUTDOWN_S = 60.0
IMMEDIATE_SHUTDOWN_S = 10.0


def try_lock(fd: int, operation: int = fcntl.LOCK_EX) -> bool:
    """Whether the lock could be had at once. A failed change of a held lock has lost the lock that was held."""
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_file_of(fd: int, path: Path) -> bool:
    """Whether `path` still names the file that `fd` has open: a removed and remade folder has other locks."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def arguments_of(pid: int) -> list[str]:
    """The command line of a process; empty if it is gone or waits, dead, to be reaped."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return os.fsdecode(raw).split("\0")[:-1]


def postmaster_pid(data: Path) -> int | None:
    """The process number of the server that runs on the folder `data`, else None: also when it now is another's."""
    try:
        first = (data / "postmaster.pid").read_text(errors="replace").partition("\n")[0]
    except FileNotFoundError:
        return None
    if not first.isdecimal():
        return None
    return int(first) if _is_server_on(int(first), data) else None


def _is_server_on(pid: int, data: Path) -> bool:
    arguments = arguments_of(pid)
    if not arguments or Path(arguments[0]).name != "postgres":
        return False
    return str(data) in arguments or _works_in(pid, data)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process has gone to `folder`, as a server started by hand has; False if we may not know."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False


def stop_server(data: Path, server_lock: int) -> None:
    """Stop whatever server runs on `data`, and come back when its last process is gone.

    Call it with the exclusive users' lock. A server that is just being made or launched is waited for, then stopped.
    Raises TimeoutError if a process of it cannot be brought to an end.
    """
    begun = time.monotonic()
    signalled = float("-inf")
    while (pid := postmaster_pid(data)) is not None or not try_lock(server_lock):
        now = time.monotonic()
        if now - begun > FAST_SHUTDOWN_S + IMMEDIATE_SHUTDOWN_S:
            raise TimeoutError(f"processes of the server on {data} are still there after {now - begun:.0f} s")
        # Again every second, because a server in its first moments does not yet listen to signals.
        if pid is not None and now - signalled > 1:
            fast = now - begun < FAST_SHUTDOWN_S
            with contextlib.suppress(ProcessLookupError):  # it ended between the look and the signal
                os.kill(pid, signal.SIGINT if fast else signal.SIGQUIT)
            signalled = now
        time.sleep(0.01)


def become(uid: int, gid: int) -> None:
    """Give up root for the account that the server runs under: waiting needs no rights."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def main(data: Path, keeper_lock: int, users_lock: int, server_lock: int, uid: int, gid: int) -> None:
    """Wait until nobody uses the server on `data`, then stop it."""
    become(uid, gid)
    fcntl.flock(users_lock, fcntl.LOCK_EX)
    # The next starter comes in when users.lock is free, and must then see that it needs a new keeper.
    os.close(keeper_lock)
    # Has somebody removed the folder, the path may by now hold another database with users of its own.
    if is_file_of(users_lock, data.parent / "users.lock"):
        stop_server(data, server_lock)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(number) for number in sys.argv[2:7]))
