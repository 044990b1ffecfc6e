"""Bring a database to this version's schema, and apply a project's own SQL files once.

Migrations are plain SQL under `migrations/sql/`, run by Alembic: forward only, what is missing in one transaction,
behind an advisory lock, so that two processes may start at once. Alembic is imported only when there is work for it.

A schema may be newer than this program, if it says that programs of our version may work with it (`works_since`): so
that what is old goes on while what is new starts.

Lock and search path belong to the transaction: behind a pooler those of a session would stay with somebody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from wave_runner.errors import ConflictError, DatabaseError, ProjectError
from wave_runner.store import roles
from wave_runner.store.database import KEEPALIVE, check_server, explain
from wave_runner.store.statements import statement

if TYPE_CHECKING:
    import sqlalchemy

NEWEST = "0001"

# Any two processes that migrate a database take this lock; the number is "wave" in ASCII.
LOCK = 0x77617665

NAME_TAKEN = "Wave Runner's own tables lie in the same schema, and this may be the name of one: choose another name"


def migrate(url: str, schema: str) -> bool:
    """Create or upgrade the schema. True if anything was done. Safe twice, and from two processes at once."""
    with connect(url, schema) as connection:
        if _fits(connection, version(connection, schema)):
            return False
    return _upgrade(url, schema)


def status(url: str, schema: str) -> str | None:
    """Return the version the database's schema is at; None if it has none."""
    with connect(url, schema) as connection:
        return version(connection, schema)


def make_ready(url: str, schema: str, *, project_id: str, name: str, tables: Mapping[str, bytes]) -> datetime | None:
    """Do both, `migrate` and `adopt_project`: over one connection where the schema is there, as it mostly is.

    In a replica nothing can be done, and nothing may have to be. Returns until when it has what was committed; None:
    the database is no replica.
    """
    with connect(url, schema) as connection:
        if connection.info.parameter_status("in_hot_standby") == "on":
            return _replicated(connection, schema, project_id, name, tables)
        if _fits(connection, version(connection, schema)):
            _adopt(connection, schema, project_id, name, tables)
            return None
    migrate(url, schema)
    adopt_project(url, schema, project_id=project_id, name=name, tables=tables)
    return None


def adopt_project(url: str, schema: str, *, project_id: str, name: str, tables: Mapping[str, bytes]) -> None:
    """Claim the schema for this project and apply those of its SQL files that have not been applied.

    `tables` maps a path to the file's bytes. Raises `ConflictError` for another project's schema and
    `ProjectError` for a file that changed after it was applied.
    """
    with connect(url, schema) as connection:
        _adopt(connection, schema, project_id, name, tables)


def make_roles(url: str, schema: str) -> list[str]:
    """Make the project's roles that are not there, if this user may; return their names."""
    with connect(url, schema) as connection:
        lock(connection)
        return roles.make(connection, schema)


def grant_roles(url: str, schema: str) -> list[str]:
    """Give the project's roles exactly what they need; return the names of those that there are.

    Nothing is done, and nobody named, where this user may not: whoever works here need not be who gives.
    """
    with connect(url, schema) as connection:
        lock(connection)
        if not roles.owner(connection, schema)[1]:
            return []
        roles.act_as_owner(connection, schema)
        return roles.grant(connection, schema)


def _replicated(
    connection: psycopg.Connection, schema: str, project_id: str, name: str, tables: Mapping[str, bytes]
) -> datetime:
    """Return until when a replica has what was committed. Raises `ConflictError` where it lacks what we need."""
    is_there = _fits(connection, version(connection, schema)) and _is_ours(connection, project_id, name)
    if not is_there or _missing(tables, dict(connection.execute("SELECT path, sha256 FROM project_files").fetchall())):
        raise ConflictError(
            "the database is a replica, and has not all that this project needs",
            hint="do the same once with the primary in WAVE_DATABASE_URL, and wait until the replica has it",
        )
    [until] = connection.execute(statement("session/replicated")).fetchone() or [None]
    assert isinstance(until, datetime), "it was made from a checkpoint, and that has a time"
    return until


def _adopt(
    connection: psycopg.Connection, schema: str, project_id: str, name: str, tables: Mapping[str, bytes]
) -> None:
    lock(connection)
    is_ours = _is_ours(connection, project_id, name)
    applied: dict[str, bytes] = dict(connection.execute("SELECT path, sha256 FROM project_files").fetchall())
    missing = _missing(tables, applied)
    if is_ours and not missing:
        return  # so that it can be somebody who may change nothing of this
    roles.act_as_owner(connection, schema)
    if not is_ours:
        connection.execute("INSERT INTO project (project_id, name) VALUES (%s, %s)", [project_id, name])
    for path in missing:
        _apply(connection, path, tables[path])
    if missing and roles.in_use(connection, schema):
        roles.grant(connection, schema)


def _missing(tables: Mapping[str, bytes], applied: Mapping[str, bytes]) -> list[str]:
    """Return the files that have not been applied, in the order in which they are to be."""
    for path, body in tables.items():
        if path in applied and applied[path] != hashlib.sha256(body).digest():
            raise ProjectError(
                f"{path} was changed after it had been applied to the database",
                hint="put the change into a new file beside it: each file is applied once, in the order of names",
            )
    # Without the ending: tables-2.sql comes after tables.sql.
    return sorted((path for path in tables if path not in applied), key=lambda path: path.removesuffix(".sql"))


@contextmanager
def connect(url: str, schema: str) -> Iterator[psycopg.Connection]:
    """Open a connection of our own, in one transaction with the schema in its search path, and commit at the end."""
    with _opened(url) as connection:
        check_server(connection.info.server_version, conninfo_to_dict(url))
        look_in(connection, schema)
        yield connection


def look_in(connection: psycopg.Connection, schema: str) -> None:
    """Put the schema in front of the search path, for the rest of the transaction."""
    connection.execute("SELECT set_config('search_path', %s, true)", [f'"{schema}", public'])


def version(connection: psycopg.Connection, schema: str) -> str | None:
    """Return the schema's version as Alembic recorded it."""
    # In this very schema: `public`, which stands behind it in the search path, may belong to another project.
    found = connection.execute("SELECT to_regclass(format('%%I.schema_version', %s::text))::text", [schema]).fetchone()
    if found is None or found[0] is None:
        return None
    table = sql.Identifier(schema, "schema_version")
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
    return row[0] if row else None


def fits(found: str | None, works_since: str) -> bool:
    """Say whether this program may work with a schema at that version, which says since when it works with programs."""
    return found is not None and works_since <= NEWEST <= found


def lock(connection: psycopg.Connection) -> None:
    """Hold the migration lock to the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def run_sql(name: str) -> None:
    """Run one file of `migrations/sql/` inside the migration's transaction."""
    from alembic import op

    # Straight to the driver, without parameters: the file goes to the server as it is, "%" and ":" included.
    _driver(op.get_bind()).execute(migration_text(name))


def migration_text(name: str) -> str:
    """Return a migration's SQL."""
    return files("wave_runner.store").joinpath("migrations", "sql", name).read_text(encoding="utf-8")


def _create_schema(connection: psycopg.Connection, schema: str) -> None:
    """Make the schema if it is not there, for whoever is to own it, and act as its owner from then on."""
    there = connection.execute("SELECT to_regnamespace(quote_ident(%s))::text", [schema]).fetchone()
    owner, _ = roles.owner(connection, schema)
    try:
        if there is None or there[0] is None:
            create = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}")
            connection.execute(create.format(sql.Identifier(schema), sql.Identifier(owner)))
    except psycopg.errors.InsufficientPrivilege as error:
        who, database = connection.info.user, connection.info.dbname
        raise DatabaseError(
            f"the user {who} may not create the schema {schema} in the database {database}",
            hint=f"GRANT CREATE ON DATABASE {database} TO {who}, or create the schema for that user",
        ) from error
    roles.act_as_owner(connection, schema)


def _opened(url: str) -> psycopg.Connection:
    """Open a connection; errors say which host and what to check."""
    try:
        return psycopg.connect(
            url, application_name="wave migrate", connect_timeout=10, prepare_threshold=None, **KEEPALIVE
        )
    except psycopg.Error as error:
        raise explain(url, error) from error


def _upgrade(url: str, schema: str) -> bool:
    """Do what is missing, unless somebody else was first; everything or nothing of it stands."""
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: _opened(url), poolclass=sqlalchemy.NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(files("wave_runner.store") / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        driver = _driver(connection)
        look_in(driver, schema)
        lock(driver)
        if _fits(driver, version(driver, schema)):
            return False
        _create_schema(driver, schema)
        config.attributes.update(connection=connection, schema=schema)
        command.upgrade(config, "head")
        if roles.in_use(driver, schema):
            roles.grant(driver, schema)  # what the new version needs besides
        connection.commit()
    return True


def _fits(connection: psycopg.Connection, found: str | None) -> bool:
    """Say whether nothing has to be done. Raises `ConflictError` for a schema that is too new for us."""
    if found is None or found <= NEWEST:
        return found == NEWEST
    [since] = connection.execute("SELECT works_since()").fetchone() or [found]
    if not fits(found, since):
        raise ConflictError(
            f"the database's schema is at version {found}; this Wave Runner knows versions up to {NEWEST}",
            hint="upgrade Wave Runner on this machine",
        )
    return True


def _driver(connection: sqlalchemy.Connection) -> psycopg.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _is_ours(connection: psycopg.Connection, project_id: str, name: str) -> bool:
    """Say whether the schema is this project's; False where it is nobody's yet."""
    row = connection.execute("SELECT project_id, name FROM project").fetchone()
    if row and row[0] != project_id:
        raise ConflictError(
            f"this schema belongs to the project {row[1]!r} ({row[0]}), not to {name!r} ({project_id})",
            hint="give each project a schema of its own: set WAVE_SCHEMA, or schema_name under [settings] in wave.toml",
        )
    return row is not None


def _apply(connection: psycopg.Connection, path: str, body: bytes) -> None:
    try:
        # The project's own SQL is configuration, read from its folder: as trusted as the actors beside it.
        connection.execute(body.decode())
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path}: it is not UTF-8 (byte {error.start})", hint="save it as UTF-8") from error
    except psycopg.Error as error:
        raise ProjectError(
            f"{path}: PostgreSQL says: {error.diag.message_primary or error}",
            hint=NAME_TAKEN if isinstance(error, psycopg.errors.DuplicateTable) else "",
        ) from error
    connection.execute(
        "INSERT INTO project_files (path, sha256) VALUES (%s, %s)", [path, hashlib.sha256(body).digest()]
    )


__all__ = ["DatabaseError", "adopt_project", "grant_roles", "make_ready", "make_roles", "migrate", "run_sql", "status"]
