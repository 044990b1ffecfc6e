"""The PostgreSQL that comes with the package: made, started, shared and stopped without anybody's care.

    database = embedded.start(Path(".wave"))
    ...connect to database.url...
    database.release()

How one server is shared, and what happens at each `kill -9`:

- `start` takes the shared users' lock *first*, then the start lock. Whoever stops the server holds the users' lock
  exclusively. So a server that `start` has found up stays up, and one that is being stopped is waited for.
- A killed user loses its lock to the kernel; the keeper (`embedded_keeper`) then stops the server. Each start sees to
  it that there is a keeper, so a killed keeper is replaced by the next user; the last `release` does without one.
- A killed starter leaves at worst a folder `new-…`, which the next start removes: the data folder gets its name only
  when it is complete, with roles and database. A server that it was launching belongs to whoever comes next.
- A killed server is started again by the next `start`, or by whoever keeps it up (`kept_up`), once `server.lock` shows
  that its last process is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store.embedded_binaries import installed
from wave_runner.store.embedded_cluster import (
    APPLICATION_DATABASE,
    APPLICATION_ROLE,
    SUPERUSER,
    make_cluster,
    read_passwords,
)
from wave_runner.store.embedded_home import OTHER_SERVER, Home, find_home, open_home
from wave_runner.store.embedded_keeper import is_file_of, postmaster_pid, try_lock
from wave_runner.store.embedded_server import (
    Server,
    check_keeper,
    ensure_keeper,
    launch_server,
    running_server,
    stop,
)

# A server that is being stopped writes a checkpoint first; the keeper gives it this long, and some more by force.
_WHILE_STOPPING_S = 90.0

# How often a user who keeps the server up looks whether it is there, and after a start that failed.
LOOK_S = 0.5
LOOK_AFTER_FAILURE_S = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EmbeddedDatabase:
    """One process's hold on the project's server, which runs at least until `release` or the process's end."""

    url: str = field(repr=False)
    """For the application: the role owns the database `wave` and is no superuser."""
    admin_url: str = field(repr=False)
    """For tests and `wave doctor`: the superuser."""
    _share: _Share
    _tcp_port: int | None

    @contextlib.contextmanager
    def kept_up(self) -> Iterator[None]:
        """While the block lasts, start the server again when it was killed. What was committed is there again."""
        ended = threading.Event()
        watch = threading.Thread(target=_keep_up, args=(self._share.home, self._tcp_port, ended), daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()

    def release(self) -> None:
        """Give up the hold; stops the server, and waits for its end, if nobody else uses it. Safe to call twice."""
        self._share.release()


class _Share:
    """The shared lock that says that this process uses the server."""

    def __init__(self, home: Home, fd: int) -> None:
        self.home = home
        self._fd: int | None = fd

    def release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            if not is_file_of(fd, self.home.path / "users.lock"):
                return  # somebody has removed the home; a server without its files ends by itself
            if try_lock(fd, fcntl.LOCK_EX):
                stop(self.home)
            elif not try_lock(fd, fcntl.LOCK_SH):  # the keeper was faster and is stopping the server: see it done
                fcntl.flock(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)


def start(wave_dir: Path, *, tcp_port: int | None = None) -> EmbeddedDatabase:
    """Use the server of the project whose `.wave` folder this is; makes and starts it if need be.

    Takes about a second the first time and milliseconds when the server is up. `tcp_port` opens it on 127.0.0.1 too.
    Raises EmbeddedDatabaseError if it cannot run here.
    """
    if not Path("/proc/self/cmdline").exists():
        raise EmbeddedDatabaseError(
            "the PostgreSQL that comes with Wave Runner needs Linux with /proc", hint=OTHER_SERVER
        )
    home = open_home(wave_dir)
    share = _Share(home, _use(home))
    try:
        with home.starting():
            server = _ensure_server(home, tcp_port)
        return _handle(home, server, share, tcp_port)
    except OSError as error:
        share.release()
        raise EmbeddedDatabaseError(
            f"the database in {home.path} cannot be started: {error}", hint=f"remove the cause, {OTHER_SERVER}"
        ) from error
    except BaseException:
        share.release()
        raise


def remove(wave_dir: Path) -> None:
    """Delete the project's embedded database for good. Raises EmbeddedDatabaseError while anybody uses it."""
    home = find_home(wave_dir)
    if home is None:
        return
    # Just after the last release the keeper has the lock for a moment, to see that nothing is left to do.
    try:
        users = home.locked_file(
            "users.lock", fcntl.LOCK_EX, patience=2, waiting_for="the processes that use it to end"
        )
    except FileNotFoundError:
        return  # somebody else has just removed it
    try:
        stop(home)
        home.remove()
        (wave_dir / "postgres").unlink(missing_ok=True)
    finally:
        os.close(users)


def _use(home: Home) -> int:
    return home.locked_file("users.lock", fcntl.LOCK_SH, patience=_WHILE_STOPPING_S, waiting_for="the server to stop")


def _ensure_server(home: Home, tcp_port: int | None) -> Server:
    ensure_keeper(home)  # first: from here on a kill of this process leaves nothing behind that runs
    with home.opened("server.lock") as lock:
        server = running_server(home, lock)
        if server is None:
            binaries = home.binaries(installed())
            make_cluster(home, binaries, lock)
            server = launch_server(home, binaries, lock, tcp_port=tcp_port)
    ensure_keeper(home)  # and again: the first may have been killed since then
    check_keeper(home)
    if tcp_port and not (server.listens_on_tcp and server.port == tcp_port):
        raise EmbeddedDatabaseError(
            f"the server of {home.path} already runs without TCP port {tcp_port}",
            hint="end the other wave commands of this project, then try again",
        )
    return server


def _keep_up(home: Home, tcp_port: int | None, ended: threading.Event) -> None:
    pause_s = LOOK_S
    while not ended.wait(pause_s):
        pause_s = LOOK_S
        if postmaster_pid(home.data) is not None:
            continue
        try:
            with home.starting():
                _ensure_server(home, tcp_port)
        except (OSError, EmbeddedDatabaseError) as error:
            pause_s = LOOK_AFTER_FAILURE_S
            log.warning("the database in %s is gone and cannot be started again: %s", home.path, error)


def _handle(home: Home, server: Server, share: _Share, tcp_port: int | None) -> EmbeddedDatabase:
    passwords = read_passwords(home)
    where = f"host={quote(str(server.socket_folder), safe='')}&port={server.port}"
    return EmbeddedDatabase(
        url=f"postgresql://{APPLICATION_ROLE}:{passwords.application}@/{APPLICATION_DATABASE}?{where}",
        admin_url=f"postgresql://{SUPERUSER}:{passwords.superuser}@/postgres?{where}",
        _share=share,
        _tcp_port=tcp_port,
    )
