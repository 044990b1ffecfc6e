"""The project's roles in the database: made where the session may, and given exactly what they need.

Roles belong to the whole server, what they may do to a database. All of it may be done again, and by several at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import psycopg
from psycopg import sql

from wave_runner.core.database_roles import (
    FOR_QUERIES,
    FUNCTIONS,
    NOT_READ,
    ON_PROJECTS,
    RUNNER,
    SAID,
    SEQUENCES,
    DatabaseRole,
    Verb,
    role_name,
)
from wave_runner.errors import DatabaseError
from wave_runner.store.statements import statement

VERBS: Mapping[Verb, sql.SQL] = {
    "SELECT": sql.SQL("SELECT"),
    "INSERT": sql.SQL("INSERT"),
    "UPDATE": sql.SQL("UPDATE"),
    "DELETE": sql.SQL("DELETE"),
}


def make(connection: psycopg.Connection, schema: str) -> list[str]:
    """Make those of the project's roles that are not there, if this session may; return their names.

    The session becomes a member of an owner that it makes, so that it can act as it.
    """
    row = connection.execute(statement("roles/may_make")).fetchone()
    if row is None or not row[0]:
        return []
    there = _found(connection, list(DatabaseRole), schema)
    made = [role for role in DatabaseRole if role not in there and _make(connection, role_name(schema, role))]
    if DatabaseRole.OWNER in made and not row[1]:
        owner = sql.Identifier(role_name(schema, DatabaseRole.OWNER))
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    return [role_name(schema, role) for role in made]


def owner(connection: psycopg.Connection, schema: str) -> tuple[str, bool]:
    """Return the name of the role whose the schema is, or is to be, and whether this user may act as it.

    It is the owner of what is there; of a new schema the project's owner, if there is one, else this user.
    """
    given = {"schema": schema, "role": role_name(schema, DatabaseRole.OWNER)}
    row = connection.execute(statement("roles/owner"), given).fetchone()
    assert row is not None, "somebody always is"
    return row[0], row[1]


def act_as_owner(connection: psycopg.Connection, schema: str) -> str:
    """Act for the rest of the transaction as the role whose the schema is, or is to be; return its name.

    Raises `DatabaseError` where this user may not.
    """
    name, may = owner(connection, schema)
    if not may:
        raise DatabaseError(
            f"the schema {schema} belongs to {name}, and the user {connection.info.user} may not change it",
            hint=f"wave db migrate, with the address of {name} or of a member of it; and then this again",
        )
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(name)))
    return name


def in_use(connection: psycopg.Connection, schema: str) -> bool:
    """Say whether the schema has been given to any of its roles: whoever has one user for everything has none."""
    names = [role_name(schema, role) for role in ON_PROJECTS]
    row = connection.execute(statement("roles/in_use"), {"schema": schema, "names": names}).fetchone()
    return bool(row and row[0])


def grant(connection: psycopg.Connection, schema: str) -> list[str]:
    """Give those of the roles that are there exactly what they need; return their names. For the schema's owner."""
    roles = _found(connection, list(ON_PROJECTS), schema)
    own = [*RUNNER, *SEQUENCES, "run_ids"]
    rows = connection.execute(statement("roles/project_tables"), {"schema": schema, "own": own}).fetchall()
    tables = [name for name, is_sequence in rows if not is_sequence]
    sequences = [name for name, is_sequence in rows if is_sequence]
    for role in roles:
        to = sql.Identifier(role_name(schema, role))
        given = [*_base(schema, to), *_of(role, schema, to)]
        if tables:
            given.append(_on_tables(ON_PROJECTS[role], schema, tables, to))
        if sequences and role is DatabaseRole.RUNNER:
            given.append(_on_sequences(schema, sequences, to))
        connection.execute(sql.SQL("; ").join(given))
    return [role_name(schema, role) for role in roles]


def _base(schema: str, to: sql.Identifier) -> Iterator[sql.Composed]:
    """Take away what was given before of the engine's, and let the role look into the schema."""
    yield sql.SQL("REVOKE ALL ON {} FROM {}").format(_names(schema, list(RUNNER)), to)
    yield sql.SQL("REVOKE ALL ON SEQUENCE {} FROM {}").format(_names(schema, [*SEQUENCES, "run_ids"]), to)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), to)


def _of(role: DatabaseRole, schema: str, to: sql.Identifier) -> Iterator[sql.Composed]:
    """Yield what a role is given of the engine's."""
    if role is DatabaseRole.QUERY:
        yield _on_tables(("SELECT",), schema, FOR_QUERIES, to)
    if role is DatabaseRole.READ:
        yield _on_tables(("SELECT",), schema, [name for name in RUNNER if name not in NOT_READ], to)
    if role is DatabaseRole.RUNNER:
        yield _on_tables(("SELECT",), schema, list(RUNNER), to)
        for verb in ("INSERT", "UPDATE", "DELETE"):
            yield _on_tables((verb,), schema, [name for name, verbs in RUNNER.items() if verb in verbs], to)
        yield sql.SQL("GRANT INSERT ({}) ON {} TO {}").format(
            sql.SQL(", ").join(map(sql.Identifier, SAID)), sql.Identifier(schema, "interaction_events"), to
        )
        yield _on_sequences(schema, SEQUENCES, to)
        yield sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(_names(schema, FUNCTIONS), to)


def _on_tables(verbs: Sequence[Verb], schema: str, tables: Sequence[str], to: sql.Identifier) -> sql.Composed:
    words = sql.SQL(", ").join(VERBS[verb] for verb in verbs)
    return sql.SQL("GRANT {} ON {} TO {}").format(words, _names(schema, tables), to)


def _on_sequences(schema: str, sequences: Sequence[str], to: sql.Identifier) -> sql.Composed:
    return sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(_names(schema, sequences), to)


def _names(schema: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(schema, name) for name in names)


def _found(connection: psycopg.Connection, roles: Sequence[DatabaseRole], schema: str) -> list[DatabaseRole]:
    names = {role_name(schema, role): role for role in roles}
    rows = connection.execute(statement("roles/found"), {"names": list(names)}).fetchall()
    there = {names[name] for (name,) in rows}
    return [role for role in roles if role in there]


def _make(connection: psycopg.Connection, name: str) -> bool:
    """Make a role that nobody can log in as. False if somebody was first, as another database of the server may be."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return False
    return True
