"""Launches the embedded server and its keeper, and waits until the server is ready."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store import embedded_keeper
from wave_runner.store.embedded_binaries import Binaries
from wave_runner.store.embedded_cluster import plain_environment
from wave_runner.store.embedded_home import OTHER_SERVER, Home
from wave_runner.store.embedded_keeper import postmaster_pid, stop_server, try_lock

DEFAULT_PORT = 5432  # without TCP it only names the socket's file

# Recovery after a crash reads at most `max_wal_size` of log; on a slow disk that takes minutes.
PATIENCE_S = 300.0
# What a killed server leaves behind notices within moments that the server is gone.
PATIENCE_WITH_REMAINS_S = 30.0

# The shell puts the process into the background and ends, so that nobody has a child to wait for; `$!` is its number.
_IN_BACKGROUND = '"$@" >"$0" 2>&1 </dev/null & echo $!'


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that takes connections."""

    port: int
    socket_folder: Path
    listens_on_tcp: bool


def ready_server(home: Home) -> Server | None:
    """The server that runs on the home's data and takes connections, if there is one."""
    if postmaster_pid(home.data) is None:
        return None
    try:
        lines = (home.data / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:  # it has just stopped
        return None
    # PostgreSQL's order: number, data, start time, port, socket folder, TCP address, shared memory, status.
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    return Server(port=int(lines[3]), socket_folder=Path(lines[4]), listens_on_tcp=bool(lines[5]))


def running_server(home: Home, lock: int) -> Server | None:
    """The ready server; or None, and then no process of any server is left and `lock`, on server.lock, is held.

    A server that is just starting, recovering or stopping is waited for.
    """
    begun = time.monotonic()
    while True:
        if server := ready_server(home):
            return server
        pid = postmaster_pid(home.data)
        if pid is None and try_lock(lock):
            return None
        waited = time.monotonic() - begun
        if waited > (PATIENCE_WITH_REMAINS_S if pid is None else PATIENCE_S):
            raise EmbeddedDatabaseError(
                f"a server on {home.data} neither gets ready nor ends (waited {waited:.0f} s)"
                if pid
                else f"processes of a server that cannot be seen from here still use {home.data}",
                hint=f"see the log in {home.log}, or, if another container uses this folder, stop it there",
            )
        time.sleep(0.01)


class _Logs:
    """What the server writes from now on: first to one file, then, through a process of its own, to that of the day."""

    def __init__(self, home: Home) -> None:
        self._folder = home.make_folder("log")
        self.of_start = self._folder / "start.log"  # written anew at each start
        self._sizes = {log: log.stat().st_size for log in self._folder.glob("server-*.log")}

    def last_words(self) -> str:
        """The end of what was written. Waits a moment for the cause: the writing process outlives the server."""
        deadline = time.monotonic() + 2
        while not any(word in (said := self._said()) for word in ("FATAL", "PANIC")) and time.monotonic() < deadline:
            time.sleep(0.01)
        return said[-1500:]

    def _said(self) -> str:
        logs = [self.of_start, *self._folder.glob("server-*.log")]
        new = [log.read_bytes()[self._sizes.get(log, 0) :] for log in logs if log.exists()]
        return b"".join(new).decode(errors="replace").strip()


def launch_server(home: Home, binaries: Binaries, lock: int, *, tcp_port: int | None) -> Server:
    """Start the server and wait until it is ready. The held `lock` goes over to its processes."""
    port = tcp_port or DEFAULT_PORT
    folder = home.socket_folder(port)
    _clear_stale(home, folder)
    logs = _Logs(home)
    quoted_folder = str(folder).replace('"', '""')
    places = {
        "listen_addresses": "127.0.0.1" if tcp_port else "",
        "port": str(port),
        "unix_socket_directories": f'"{quoted_folder}"',
        "unix_socket_permissions": "0700",
        "log_directory": str(home.log),
    }
    options = [part for name, value in places.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries.postgres), "-D", str(home.data), *options]
    pid = _launch(command, logs.of_start, pass_fds=(lock,), **home.account.start_options())
    return _wait_until_ready(home, pid, logs)


def stop(home: Home) -> None:
    """Stop the home's server, if there is one, and wait for its end. Needs the exclusive users' lock."""
    with home.opened("server.lock") as lock:
        try:
            stop_server(home.data, lock)
        except TimeoutError as error:
            raise EmbeddedDatabaseError(str(error), hint=f"see the log in {home.log}") from error


def _clear_stale(home: Home, socket_folder: Path) -> None:
    """Remove what a killed server left, where its number now belongs to somebody else. Needs the server's lock.

    PostgreSQL sees to a dead number itself, and looks for remains more closely than we could.
    """
    for left in (home.data / "postmaster.pid", *socket_folder.glob(".s.PGSQL.*.lock")):
        with contextlib.suppress(FileNotFoundError):
            number = left.read_text(errors="replace").partition("\n")[0].strip()
            if not number.isdecimal() or Path(f"/proc/{number}").exists():
                left.unlink()


def _wait_until_ready(home: Home, pid: int, logs: _Logs) -> Server:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if server := ready_server(home):
            return server
        if _has_ended(pid):
            raise EmbeddedDatabaseError(
                f"the server on {home.data} would not start:\n{logs.last_words()}",
                hint=f"remove the cause that PostgreSQL names, {OTHER_SERVER}",
            )
        time.sleep(0.005)
    raise EmbeddedDatabaseError(
        f"the server on {home.data} is still recovering after {PATIENCE_S:.0f} s",
        hint=f"see {home.log}; it goes on while any wave command waits for it, so try again",
    )


def _has_ended(pid: int) -> bool:
    """Whether a process is gone, or dead and not yet reaped.

    An empty command line does not say so: that of a process which is just being replaced by a program is empty, too.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(b")")[2].split()[0] in {b"Z", b"X"}


def ensure_keeper(home: Home) -> None:
    """See to it that a keeper waits for the last user to end. Needs the start lock."""
    with home.opened("keeper.lock") as lock, home.opened("users.lock") as users, home.opened("server.lock") as server:
        if not try_lock(lock):
            return
        os.close(home.open_file("keeper.log"))  # so that it gets the owner and mode of the home's files
        # It holds keeper.lock, which it inherits, from its first moment until it ends.
        command = [sys.executable, "-I", "-S", str(Path(embedded_keeper.__file__)), str(home.data)]
        account = home.account
        numbers = [str(number) for number in (lock, users, server, account.uid, account.gid)]
        _launch(command + numbers, home.path / "keeper.log", pass_fds=(lock, users, server))


def check_keeper(home: Home) -> None:
    """Raises EmbeddedDatabaseError if there is no keeper: a server that nobody would stop is not what we promise."""
    with home.opened("keeper.lock") as lock:
        if try_lock(lock):
            said = (home.path / "keeper.log").read_text(errors="replace").strip()
            raise EmbeddedDatabaseError(
                f"the process that stops the server after its last user could not be started: {said}",
                hint=f"remove the cause, {OTHER_SERVER}",
            )


def _launch(command: list[str], log: Path, *, pass_fds: tuple[int, ...], **account: Any) -> int:
    """Start a process that outlives us, in a session of its own where no Ctrl-C reaches it; its number."""
    shell = shutil.which("sh", path=plain_environment()["PATH"]) or "/bin/sh"
    done = subprocess.run(
        [shell, "-c", _IN_BACKGROUND, str(log), *command],
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env=plain_environment(),
        umask=0o077,
        start_new_session=True,
        pass_fds=pass_fds,
        check=False,
        **account,
    )
    if done.stderr or not done.stdout.strip().isdecimal():
        raise EmbeddedDatabaseError(
            f"{command[0]} could not be started: {done.stderr.strip() or f'the shell ended with {done.returncode}'}",
            hint=f"remove the cause, {OTHER_SERVER}",
        )
    return int(done.stdout)
