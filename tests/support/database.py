"""A real PostgreSQL for the tests: the embedded one, shared by all workers, or the server that is given.

`WAVE_TEST_DATABASE_URL` names another server, as its superuser; the whole suite then runs on that one.
Use it as a plugin: `pytest_plugins = ["tests.support.database"]`.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import select
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from tests.support.memory import folder_in_memory

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store import embedded
from wave_runner.store.embedded_keeper import postmaster_pid

ROLE = "wave"
TABLESPACE = "in_memory"
PLACE = "wave-tests-"  # how the folders of such tablespaces begin
# To drop one is a checkpoint of all that every other test has just made too: so they are dropped many at a time.
DROPPED_TOGETHER = 24
PASSWORD_ON_A_GIVEN_SERVER = "wave-tests"


@pytest.fixture(scope="session")
def session_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of the one server of this test session."""
    if given := os.environ.get("WAVE_TEST_DATABASE_URL"):
        _ensure_role(given)
        _keep_in_memory(given)
        yield given
        _drop(given, [name for url, name in _over if url == given])
        return
    wave_dir = _shared_folder(tmp_path_factory) / "session" / ".wave"
    database = embedded.start(wave_dir)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        # It would look at each of a hundred databases every ten seconds, and none of them gets old.
        admin.execute("ALTER SYSTEM SET autovacuum_naptime = '1d'")
        admin.execute("SELECT pg_reload_conf()")
    _keep_in_memory(database.admin_url)
    yield database.admin_url
    database.release()
    with contextlib.suppress(EmbeddedDatabaseError):  # another worker still uses it, and will remove it
        embedded.remove(wave_dir)
        _forget_what_is_over()


def _keep_in_memory(admin_url: str) -> None:
    """Let the server's new databases lie in memory, where this machine has enough and is the server's own."""
    memory = folder_in_memory()
    with psycopg.connect(admin_url, autocommit=True) as admin:
        (data,) = admin.execute("SHOW data_directory").fetchone()
        owner = Path(data).stat() if os.access(data, os.F_OK) else None
        if memory is None or owner is None or os.geteuid() not in {0, owner.st_uid}:
            return
        _forget_what_is_over()
        admin.execute("SELECT pg_advisory_lock(hashtext('wave tests in memory'))")  # workers come at the same time
        if _where(admin):
            return
        place = Path(tempfile.mkdtemp(prefix=PLACE, dir=memory))
        (place / "of").write_text(data, encoding="utf-8")
        (place / "files").mkdir()
        for path in (place, place / "files"):
            os.chown(path, owner.st_uid, owner.st_gid)
        location = sql.Literal(str(place / "files"))
        admin.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(TABLESPACE), location))
        admin.execute(sql.SQL("GRANT CREATE ON TABLESPACE {} TO {}").format(*map(sql.Identifier, (TABLESPACE, ROLE))))


def _forget_what_is_over() -> None:
    """Free the memory of servers that have ended, those of a killed test session among them."""
    for place in (folder_in_memory() or Path(os.devnull)).glob(f"{PLACE}*"):
        with contextlib.suppress(FileNotFoundError):  # another worker frees it just now
            if postmaster_pid(Path((place / "of").read_text(encoding="utf-8"))) is None:
                shutil.rmtree(place)


@pytest.fixture
def database(session_database: str) -> Iterator[str]:
    """The URL of an empty database of the test's own, as the role `wave`."""
    with fresh_database(session_database) as url:
        yield url


@contextlib.contextmanager
def fresh_database(admin_url: str, template: str | None = None) -> Iterator[str]:
    """The URL, as the role `wave`, of a new database that this role owns; closed at the end to whoever is connected.

    `template` is the name of a database to copy, to which nobody may be connected.
    """
    with _asking:
        _hang_up()  # also from that one
    name = f"test_{secrets.token_hex(8)}"
    origin = sql.Identifier(template) if template else sql.SQL("template0 ENCODING 'UTF8'")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} TABLESPACE {}").format(
                sql.Identifier(name), sql.Identifier(ROLE), origin, sql.Identifier(_where(admin) or "pg_default")
            )
        )
        password = _role_password(admin)
    try:
        yield _role_url(admin_url, password, name)
    finally:
        with _asking:
            _hang_up()
        _close(admin_url, name)


_asking = threading.Lock()
_kept: dict[str, psycopg.Connection] = {}  # the one that was asked last, by its URL


@contextlib.contextmanager
def asked(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection on which each statement is a transaction: mostly the one that was asked before.

    To open one takes longer than most questions. Somebody else who asks meanwhile gets one of their own.
    """
    if not _asking.acquire(blocking=False):
        with psycopg.connect(url, autocommit=True) as own:
            yield own
        return
    try:
        if url not in _kept or _has_ended(_kept[url]):
            _hang_up()
            _kept[url] = psycopg.connect(url, autocommit=True, prepare_threshold=None)
        yield _kept[url]
    finally:
        _asking.release()


def _has_ended(connection: psycopg.Connection) -> bool:
    """Whether the server has said something unasked, which is farewell."""
    return connection.closed or bool(select.select([connection], [], [], 0)[0])


@atexit.register
def _hang_up() -> None:
    for url in list(_kept):
        _kept.pop(url).close()


def _where(admin: psycopg.Connection) -> str:
    """Return the tablespace that lies in memory; empty where there is none."""
    found = admin.execute("SELECT spcname FROM pg_tablespace WHERE spcname = %s", [TABLESPACE]).fetchone()
    return found[0] if found else ""


_over: list[tuple[str, str]] = []  # databases of tests that are over, each with the URL of its server


def _close(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    _over.append((admin_url, name))
    together = [other for url, other in _over if url == admin_url]
    if len(together) >= DROPPED_TOGETHER:
        _drop(admin_url, together)


def _drop(admin_url: str, names: list[str]) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            _over.remove((admin_url, name))


def _role_url(admin_url: str, password: str, database: str) -> str:
    parts = urlsplit(admin_url)
    netloc = f"{ROLE}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


def _role_password(admin: psycopg.Connection) -> str:
    """The embedded server's home keeps it beside the data; on a given server it is ours to choose."""
    (data,) = admin.execute("SHOW data_directory").fetchone()
    kept = Path(data).parent / "passwords.json"
    return json.loads(kept.read_text())["application"] if kept.exists() else PASSWORD_ON_A_GIVEN_SERVER


def _ensure_role(admin_url: str) -> None:
    with psycopg.connect(admin_url) as admin:
        # Workers come here at the same time, and two of them cannot change one role at once.
        admin.execute("SELECT pg_advisory_xact_lock(hashtext('wave tests'))")
        exists = admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is not None
        verb = sql.SQL("ALTER" if exists else "CREATE")
        admin.execute(
            sql.SQL("{} ROLE {} LOGIN NOSUPERUSER PASSWORD {}").format(
                verb, sql.Identifier(ROLE), sql.Literal(_verifier(PASSWORD_ON_A_GIVEN_SERVER))
            )
        )


def _verifier(password: str) -> str:
    """Return what a server keeps of a password, not stretched (RFC 5803): each new connection would take longer."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told = [base64.b64encode(one).decode() for one in (salt, stored, server)]
    return "SCRAM-SHA-256$1:{}${}:{}".format(*told)


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for the whole session: under xdist each worker has its own below it."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
