"""Brings the data of the embedded PostgreSQL over from an older major version, beside the old data, which stay.

The old server and the new one run at the same time, each in a home of its own, so that each has a keeper: whenever we
are killed both are stopped, and the old data are what they were. Only when every row has arrived do the new data take
the place of the old ones.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from wave_runner.errors import EmbeddedDatabaseError, NotFoundError
from wave_runner.store.embedded_binaries import MAJOR, Binaries, installed, of_version
from wave_runner.store.embedded_cluster import (
    APPLICATION_DATABASE,
    APPLICATION_ROLE,
    SUPERUSER,
    Passwords,
    finish_upgrade,
    made_by,
    make_cluster,
    plain_environment,
    read_passwords,
    sync_folder,
    wrong_version,
)
from wave_runner.store.embedded_home import OTHER_SERVER, Home, find_home
from wave_runner.store.embedded_server import check_keeper, ensure_keeper, launch_server, stop
from wave_runner.store.statements import statement

# A server of a killed upgrade is stopped by its keeper, which lets it write a checkpoint first.
_WHILE_STOPPING_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """From which major version to which, what was brought over and compared, and where the old data are kept."""

    before: int
    after: int
    tables: int
    rows: int
    kept: Path


@dataclass(frozen=True, kw_only=True)
class _Running:
    """A server that takes connections, for its superuser."""

    host: Path
    port: int
    password: str

    @property
    def environment(self) -> dict[str, str]:
        """What PostgreSQL's programs connect by: a password on a command line is seen by everybody."""
        place = {"PGHOST": str(self.host), "PGPORT": str(self.port)}
        return {**plain_environment(), **place, "PGUSER": SUPERUSER, "PGPASSWORD": self.password}

    def connect(self, database: str = APPLICATION_DATABASE) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.host),
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname=database,
            autocommit=True,
            options="-c timezone=UTC -c datestyle=ISO",  # rows are compared as texts
        )


def upgrade(wave_dir: Path, *, programs: Path | None = None) -> Upgraded | None:
    """Bring the database of the project whose `.wave` folder this is to the version that comes along; None if it is.

    `programs` is the folder with the `postgres` that made it. Raises `NotFoundError` where there is no database, and
    `EmbeddedDatabaseError` while anybody uses it or where it cannot be brought over: then it is as it was.
    """
    nothing = NotFoundError(f"{wave_dir} holds no database", hint="the first command that needs one makes it")
    home = find_home(wave_dir)
    if home is None:
        raise nothing
    with _alone(home, patience_s=2, waiting_for="the processes that use it to end"), home.starting():
        finish_upgrade(home)
        if not home.data.exists():
            raise nothing
        before = made_by(home)
        if before == MAJOR:
            return None
        if before is None or before > MAJOR:
            raise wrong_version(home)
        try:
            return _brought_over(home, home.binaries(of_version(before, programs)))
        except (OSError, psycopg.Error) as error:
            raise _failed(home, str(error).strip()) from error


def _brought_over(home: Home, old: Binaries) -> Upgraded:
    _check_room(home)
    passwords = read_passwords(home)
    with _beside(home) as fresh:
        new = fresh.binaries(installed())
        with _serving(home, old, passwords) as source, _serving(fresh, new, passwords) as target:
            _check_is_ours_alone(home, source)
            _copy(home, source, target)
            tables, rows = _compare(home, source, target)
        kept = _put_in_place(home, fresh, old.major)
    return Upgraded(before=old.major, after=MAJOR, tables=tables, rows=rows, kept=kept)


@contextlib.contextmanager
def _alone(home: Home, *, patience_s: float, waiting_for: str) -> Iterator[None]:
    users = home.locked_file("users.lock", fcntl.LOCK_EX, patience=patience_s, waiting_for=waiting_for)
    try:
        yield
    finally:
        os.close(users)


@contextlib.contextmanager
def _beside(home: Home) -> Iterator[Home]:
    """Give a home of its own for the new data, below the one of the old; gone afterwards."""
    fresh = Home(path=home.path / "upgrade", account=home.account)
    if fresh.path.exists():
        with _alone(fresh, patience_s=_WHILE_STOPPING_S, waiting_for="the end of an upgrade that was killed"):
            fresh.remove()
    # What a kill has left: while it was removed, or before the old data had left their place.
    for left in (*home.path.glob("upgrade-*-removed"), *home.path.glob(home.upgraded.name)):
        shutil.rmtree(left)
    outside = home.path.stat()
    fresh.path.mkdir(mode=0o700)
    os.chown(fresh.path, outside.st_uid, outside.st_gid)
    fresh.path.chmod(outside.st_mode & 0o777)
    with _alone(fresh, patience_s=0, waiting_for="nobody"):
        try:
            yield fresh
        finally:
            fresh.remove()


@contextlib.contextmanager
def _serving(home: Home, binaries: Binaries, passwords: Passwords) -> Iterator[_Running]:
    """Run a server on the home's data, which are made if there are none; stopped at the end, by its keeper at worst."""
    stop(home)  # one that a killed keeper has left
    ensure_keeper(home)
    with home.opened("server.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.data.exists():
            make_cluster(home, binaries, lock, passwords=passwords)
        server = launch_server(home, binaries, lock, tcp_port=None)
    try:
        check_keeper(home)
        yield _Running(host=server.socket_folder, port=server.port, password=passwords.superuser)
    finally:
        stop(home)


def _check_room(home: Home) -> None:
    needed = sum(path.lstat().st_size for path in home.data.rglob("*"))
    if shutil.disk_usage(home.path).free < needed:
        raise EmbeddedDatabaseError(
            f"the new data need about as much room beside {home.data} as that takes: {needed / 1e9:.1f} GB",
            hint=f"make room there, {OTHER_SERVER}",
        )


def _check_is_ours_alone(home: Home, source: _Running) -> None:
    with source.connect() as connection:
        others = connection.execute(statement("upgrade/others"), {"ours": [APPLICATION_DATABASE, SUPERUSER]}).fetchall()
    if others:
        names = ", ".join(name for (name,) in others)
        raise EmbeddedDatabaseError(
            f"the server of {home.data} has databases that are not Wave Runner's, and would be left behind: {names}",
            hint="bring them elsewhere by pg_dump, and drop them there",
        )


def _copy(home: Home, source: _Running, target: _Running) -> None:
    programs = installed().postgres.parent
    roles = _run(home, source, [programs / "pg_dumpall", "--roles-only"])
    # The two that every database of ours begins with are there; what is said of them holds for them all the same.
    there = {f"CREATE ROLE {name};" for name in (SUPERUSER, APPLICATION_ROLE)}
    lines = [line for line in roles.decode().splitlines() if line not in there]
    psql: list[str | Path] = [
        programs / "psql",
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
    ]
    _run(home, target, [*psql, "--dbname=postgres"], given="\n".join(lines).encode())

    database = f"--dbname={APPLICATION_DATABASE}"
    dump: list[str | Path] = [programs / "pg_dump", "--format=custom", "--compress=none", "--no-tablespaces", database]
    with subprocess.Popen(dump, env=source.environment, stdout=subprocess.PIPE, start_new_session=True) as dumping:
        assert dumping.stdout is not None
        try:
            _run(home, target, [programs / "pg_restore", "--exit-on-error", database], given=dumping.stdout)
        except BaseException:
            dumping.kill()
            raise
    if dumping.returncode:
        raise _failed(home, f"pg_dump ended with exit code {dumping.returncode}")
    _run(home, target, [*psql, database], given=b"ANALYZE")


def _run(home: Home, server: _Running, command: Sequence[str | Path], *, given: IO[bytes] | bytes = b"") -> bytes:
    """Run one of PostgreSQL's programs on a server; return what it says."""
    with tempfile.TemporaryFile() as kept:
        if isinstance(given, bytes):
            kept.write(given)
            kept.seek(0)
        done = subprocess.run(
            command,
            env=server.environment,
            stdin=kept if isinstance(given, bytes) else given,
            capture_output=True,
            start_new_session=True,  # a Ctrl-C is for us
            check=False,
        )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-1500:]
        raise _failed(home, f"{Path(command[0]).name} says:\n{said}")
    return done.stdout


def _compare(home: Home, source: _Running, target: _Running) -> tuple[int, int]:
    """See that every row and every sequence has arrived; return how many tables and rows."""
    with source.connect() as old, target.connect() as new:
        tables, rows = old.execute(statement("upgrade/tables")).fetchall(), 0
        found = new.execute(statement("upgrade/tables")).fetchall()
        if missing := set(tables) ^ set(found):
            raise _failed(home, f"these tables are not in both: {sorted(missing)}")
        for table in tables:
            query = sql.SQL(statement("upgrade/digest")).format(table=sql.Identifier(*table))
            [before], [after] = (one.execute(query).fetchall() for one in (old, new))
            if before != after:
                said = f"{before[0]:,} rows in the old data, {after[0]:,} in the new"
                raise _failed(home, f"the table {'.'.join(table)} is not the same: {said}")
            rows += before[0]
        counted = [one.execute(statement("upgrade/sequences")).fetchall() for one in (old, new)]
        if counted[0] != counted[1]:
            raise _failed(home, "the sequences are not the same")
    return len(tables), rows


def _put_in_place(home: Home, fresh: Home, before: int) -> Path:
    """Exchange the data. A kill in between is made good by the next start, or by doing it all again."""
    names = (f"data-{before}{f'-{number}' if number > 1 else ''}" for number in count(1))
    kept = next(path for path in (home.path / name for name in names) if not path.exists())
    fresh.data.rename(home.upgraded)
    sync_folder(home.path)
    home.data.rename(kept)
    finish_upgrade(home)
    return kept


def _failed(home: Home, why: str) -> EmbeddedDatabaseError:
    return EmbeddedDatabaseError(
        f"the database was not brought over, and {home.data} is as it was: {why}",
        hint=f"remove the cause and do it again, {OTHER_SERVER}",
    )
