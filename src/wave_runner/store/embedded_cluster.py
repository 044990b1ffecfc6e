"""Makes the embedded database: data folder, passwords, and the role and database that everything else uses."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store.embedded_binaries import MAJOR, Binaries
from wave_runner.store.embedded_home import OTHER_SERVER, Home

APPLICATION_ROLE = "wave"
APPLICATION_DATABASE = "wave"
SUPERUSER = "postgres"

# For two cores and many small transactions. Written into postgresql.conf when the database is made, so that whoever
# wants others can change them there or by ALTER SYSTEM.
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "wal_buffers": "16MB",
    "max_wal_size": "1GB",
    "min_wal_size": "256MB",  # files are used again rather than removed and made
    "checkpoint_timeout": "10min",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than our short statements
    "autovacuum_naptime": "10s",  # queue tables turn over quickly
    "max_locks_per_transaction": "128",  # partitions: one statement may touch many tables
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "logging_collector": "on",
    "log_filename": "server-%a.log",  # with the two below: the log of the last seven days
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    # The promises rest on these, so they are said and not assumed.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}

INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--data-checksums",
    "--encoding=UTF8",
    # Orders by code point on every system, and yet knows upper and lower case beyond ASCII.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
SINGLE_USER_OPTIONS = (
    "-j",  # a statement ends with a semicolon and an empty line
    "-cexit_on_error=on",
    "-clogging_collector=off",
    "-clog_min_error_statement=panic",  # a password is no matter for a log
    "postgres",
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Passwords:
    """Random, one for each role; never shown."""

    application: str
    superuser: str


def make_cluster(home: Home, binaries: Binaries, lock: int, *, passwords: Passwords | None = None) -> None:
    """Make the data folder unless it is there, with new `passwords` unless they are given. Needs the start lock.

    It is made under another name and renamed when it is complete, so a `data` that exists is always whole. The server's
    `lock` goes over to the processes that make it: if we are killed, the next start waits until they have ended.
    """
    finish_upgrade(home)
    if home.data.exists():
        if made_by(home) != MAJOR:
            raise wrong_version(home)
        return
    _check_account_has_name(home)
    for left_by_a_killed_start in home.path.glob("new-*"):
        shutil.rmtree(left_by_a_killed_start)
    passwords = passwords or Passwords(application=secrets.token_urlsafe(24), superuser=secrets.token_urlsafe(24))
    _write_passwords(home, passwords)
    fresh = home.make_folder(f"new-{secrets.token_hex(6)}")
    try:
        _initdb(home, binaries, fresh, passwords, lock)
        _make_application_database(home, binaries, fresh, passwords, lock)
    except BaseException:
        shutil.rmtree(fresh)
        raise
    fresh.rename(home.data)
    sync_folder(home.path)


def finish_upgrade(home: Home) -> None:
    """Put upgraded data in their place, where a kill came after the old ones had left it. Needs the start lock."""
    if home.upgraded.exists() and not home.data.exists():
        home.upgraded.rename(home.data)
        sync_folder(home.path)


def made_by(home: Home) -> int | None:
    """The major version of the PostgreSQL that made the data folder; None if it does not say."""
    try:
        version = (home.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return None
    return int(version) if version.isdecimal() else None


def wrong_version(home: Home) -> EmbeddedDatabaseError:
    """What is said of data that another major version has made."""
    version = made_by(home)
    older = version is not None and version < MAJOR
    return EmbeddedDatabaseError(
        f"{home.data} was made by {f'PostgreSQL {version}' if version else 'an unknown PostgreSQL'},"
        f" but this Wave Runner brings PostgreSQL {MAJOR}",
        hint=f"{'wave db upgrade brings it over' if older else 'use the Wave Runner that made it'}, {OTHER_SERVER}",
    )


def _check_account_has_name(home: Home) -> None:
    try:
        pwd.getpwuid(home.account.uid)
    except KeyError as error:
        raise EmbeddedDatabaseError(
            f"PostgreSQL cannot make a database as user number {home.account.uid}, which has no name on this system",
            hint=f"add the user to /etc/passwd, run wave as a user who is there, {OTHER_SERVER}",
        ) from error


def read_passwords(home: Home) -> Passwords:
    """The passwords of the roles, for a database that exists."""
    try:
        return Passwords(**json.loads(home.passwords.read_text()))
    except FileNotFoundError as error:
        raise EmbeddedDatabaseError(
            f"the database in {home.path} is there, but its passwords are not: {home.passwords.name} is missing",
            hint=f"bring the file back from a backup, {OTHER_SERVER}",
        ) from error


def _write_passwords(home: Home, passwords: Passwords) -> None:
    with os.fdopen(home.open_file(home.passwords.name, os.O_WRONLY | os.O_TRUNC), "w") as file:
        json.dump(asdict(passwords), file)
        file.flush()
        os.fsync(file.fileno())


def _initdb(home: Home, binaries: Binaries, data: Path, passwords: Passwords, lock: int) -> None:
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    with _pipe_holding(passwords.superuser, home) as password:
        _run_as_account(
            home,
            [str(binaries.initdb), f"--pgdata={data}", f"--pwfile=/dev/fd/{password}", *INITDB_OPTIONS, *settings],
            pass_fds=(password, lock),
        )


@contextlib.contextmanager
def _pipe_holding(secret: str, home: Home) -> Iterator[int]:
    """A pipe's end that the account may open to read the secret, which so never is in a file or a command line."""
    end, start = os.pipe()
    try:
        os.fchown(end, home.account.uid, home.account.gid)
        os.write(start, f"{secret}\n".encode())
        os.close(start)
        yield end
    finally:
        os.close(end)


def _make_application_database(home: Home, binaries: Binaries, data: Path, passwords: Passwords, lock: int) -> None:
    # In single-user mode, so that no server without these is ever seen. The passwords are ours: url-safe characters.
    # Nobody can guess them, however fast: to stretch them only makes each new connection several times as slow.
    statements = (
        "SET scram_iterations = 1",
        f"ALTER ROLE {SUPERUSER} PASSWORD '{passwords.superuser}'",
        f"CREATE ROLE {APPLICATION_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{passwords.application}'",
        f"CREATE DATABASE {APPLICATION_DATABASE} OWNER {APPLICATION_ROLE}",
    )
    _run_as_account(
        home,
        [str(binaries.postgres), "--single", "-D", str(data), *SINGLE_USER_OPTIONS],
        pass_fds=(lock,),
        given="".join(f"{statement};\n\n" for statement in statements),
    )


def _run_as_account(home: Home, command: list[str], *, pass_fds: tuple[int, ...], given: str = "") -> None:
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env=plain_environment(),
        umask=0o077,
        start_new_session=True,  # a Ctrl-C is for us: it must not look like a failure of PostgreSQL's
        pass_fds=pass_fds,
        check=False,
        **home.account.start_options(),
    )
    if done.returncode != 0:
        said = done.stderr.strip()[-1500:]
        raise EmbeddedDatabaseError(
            f"{Path(command[0]).name} could not make a database in {home.path} (exit code {done.returncode}):\n{said}",
            hint=f"remove the cause that PostgreSQL names, {OTHER_SERVER}",
        )


def plain_environment() -> dict[str, str]:
    """What the server's processes see: no PG… variable of the user's and no other language changes what they do."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", **kept}


def sync_folder(folder: Path) -> None:
    """Have it survive a loss of power which names the folder holds."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
