"""The user's own tables: read a step's inputs from them, apply the writes a step declared, check what holds.

Table and column names come from the project's definitions and are quoted as identifiers; values are always
parameters. Every value that a step changes is recorded with the hash of what was there before and after.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson
from psycopg import sql

from wave_runner.core.canonical import dumps
from wave_runner.core.outcome import Effect, Replace, Write
from wave_runner.core.settling import ALL_ROWS
from wave_runner.core.value_write import NULL, sha256_of
from wave_runner.core.workflow import CollectionSpec
from wave_runner.store import value_writes
from wave_runner.store.database import Connection, DataRefused, ask_composed, conclude, fetch, users_data
from wave_runner.store.queries import adapt
from wave_runner.store.value_writes import Changed


class RecordGone(DataRefused):
    """A record's row is not in its table any more. `key` is the record's."""

    def __init__(self, table: str, key: str) -> None:
        super().__init__(f"the row of {key} is gone from {table}")
        self.table = table
        self.key = key


@dataclass(frozen=True, kw_only=True)
class Address:
    """How the rows of a record are found in a table: by a column that holds the record's id, or its key."""

    table: str
    column: str
    by_key: bool
    type: str  # of the column, as SQL writes it


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a collection, with the address of a record in each."""

    collection: CollectionSpec
    addresses: Mapping[str, Address]

    def of(self, table: str) -> Address:
        """Return the address in one of the collection's tables."""
        if table not in self.addresses:
            raise DataRefused(f"there is no table {table}, or it has lost the column that names a record")
        return self.addresses[table]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One declared write of one interaction."""

    run_id: int
    interaction_id: int
    attempt: int
    record_id: int
    key: str
    tables: Tables
    write: Write | Replace


async def look_up_tables(connection: Connection, collection: CollectionSpec) -> Tables:
    """Read from the catalog how a collection's tables are addressed."""
    columns = {collection.table: collection.record_column or collection.key, **collection.rows}
    addresses = {}
    for table, column in columns.items():
        types = await column_types(connection, table)
        if column in types:
            by_key = table == collection.table and not collection.record_column
            addresses[table] = Address(table=table, column=column, by_key=by_key, type=types[column])
    return Tables(collection=collection, addresses=addresses)


async def look_up_columns(connection: Connection, collection: CollectionSpec) -> dict[str, tuple[str, ...]]:
    """Read from the catalog the columns of each of a collection's tables; none for a table that is not there."""
    return {table: tuple(await column_types(connection, table)) for table in (collection.table, *collection.rows)}


async def column_types(connection: Connection, table: str) -> dict[str, str]:
    """Return a table's columns with their types as SQL writes them; none where there is no such table."""
    rows = await fetch(connection, "records/columns", {"table": table_name(table).as_string(connection)})
    return {row["name"]: row["type"] for row in rows}


async def identify(
    connection: Connection, collection: str, keys: Sequence[str], *, also: Sequence[str] = ()
) -> dict[str, int]:
    """Return the record of each key; those that have none yet get it now. Of `also` only those that have one."""
    await fetch(connection, "records/add", {"collection": collection, "keys": list(keys)})
    wanted = {"collection": collection, "keys": [*keys, *also]}
    return {row["key"]: row["record_id"] for row in await fetch(connection, "records/find", wanted)}


async def lock(connection: Connection, record_ids: Collection[int]) -> set[int]:
    """Keep records from being erased until the transaction ends. Returns those that have not been erased already."""
    given = {"record_ids": sorted(record_ids)}
    await fetch(connection, "records/lock", given)
    return set(record_ids) - {row["record_id"] for row in await fetch(connection, "records/erased", given)}


async def known(connection: Connection, collection: str, key: str, *, workflow: str) -> tuple[int, int | None] | None:
    """Return the record with this key, and the newest run of a workflow that had it; None where there is none."""
    rows = await fetch(connection, "records/known", {"collection": collection, "key": key, "workflow": workflow})
    return (rows[0]["record_id"], rows[0]["run_id"]) if rows else None


class RowRead(NamedTuple):
    """What was read of a record's row: JSON values by column, and the hash of what was asked to be hashed."""

    values: dict[str, Any]
    sha256: bytes | None


async def read(
    connection: Connection,
    tables: Tables,
    columns: Sequence[str],
    records: Mapping[int, str],
    *,
    hashed: Sequence[str] = (),
    last: bool = False,
) -> dict[int, RowRead]:
    """Return the named columns of each record's row, as JSON values; `records` maps ids to keys.

    With it, of the same moment, comes the SHA-256 of the columns that are to be hashed, as `read_hashes` gives it.
    `last`: nothing more is asked in the transaction.
    """
    address = tables.of(tables.collection.table)
    values = [
        sql.SQL("to_json(t.{column})::text AS {name}").format(
            column=sql.Identifier(name), name=sql.Identifier("c:" + name)
        )
        for name in columns
    ]
    query = sql.SQL(
        "SELECT {address}::text AS address, {wanted} FROM {table} AS t WHERE {column} = ANY ({given})"
    ).format(
        address=_column(address),
        column=_column(address),
        wanted=sql.SQL(", ").join([*values, _hash_of(hashed) if hashed else sql.SQL("NULL AS sha256")]),
        table=table_name(address.table),
        given=typed_addresses(address),
    )
    by_address = {row["address"]: row for row in await _select(connection, query, address, records, last=last)}
    return {
        record_id: RowRead(values={name: _value(row["c:" + name] or NULL) for name in columns}, sha256=row["sha256"])
        for record_id, key in records.items()
        if (row := by_address.get(address_of(address, record_id, key))) is not None
    }


def _hash_of(columns: Sequence[str]) -> sql.Composed:
    named = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in columns)
    return sql.SQL(
        "sha256(convert_to((SELECT to_json(c)::text FROM (SELECT {columns}) AS c), 'UTF8')) AS sha256"
    ).format(columns=named)


async def read_hashes(
    connection: Connection, tables: Tables, columns: Sequence[str], records: Mapping[int, str]
) -> dict[int, bytes]:
    """Return the SHA-256 of the named columns of each record's row: of their JSON, names included."""
    address = tables.of(tables.collection.table)
    query = sql.SQL(
        "SELECT {address}::text AS address, {hash} FROM {table} AS t WHERE {column} = ANY ({given})"
    ).format(
        address=_column(address),
        column=_column(address),
        hash=_hash_of(columns),
        table=table_name(address.table),
        given=typed_addresses(address),
    )
    found = {row["address"]: bytes(row["sha256"]) for row in await _select(connection, query, address, records)}
    places = {record_id: address_of(address, record_id, key) for record_id, key in records.items()}
    return {record_id: found[place] for record_id, place in places.items() if place in found}


async def count_rows(connection: Connection, tables: Tables, table: str, records: Mapping[int, str]) -> dict[int, int]:
    """Return how many rows of `table` each record has."""
    address = tables.of(table)
    query = sql.SQL(
        "SELECT {address}::text AS address, count(*) AS n FROM {table} AS t WHERE {column} = ANY ({given}) GROUP BY 1"
    ).format(address=_column(address), table=table_name(table), column=_column(address), given=typed_addresses(address))
    found = {row["address"]: row["n"] for row in await _select(connection, query, address, records)}
    return {record_id: found.get(address_of(address, record_id, key), 0) for record_id, key in records.items()}


async def given_columns(connection: Connection, table: str) -> list[str]:
    """Return the columns of a table that are stored as they are given, and not computed from others."""
    rows = await fetch(connection, "records/stored_columns", {"table": table})
    return [row["name"] for row in rows]


async def canonical_keys(connection: Connection, tables: Tables, keys: Sequence[str]) -> list[str]:
    """Return keys as their column writes them, so that a UUID in capitals, or 007 for a number, is found again."""
    address = tables.of(tables.collection.table)
    if not address.by_key or address.type == "text":
        return list(keys)
    query = sql.SQL("SELECT key::text FROM unnest({given}) WITH ORDINALITY AS g (key, place) ORDER BY place").format(
        given=typed_addresses(address)
    )
    cursor = await connection.execute(query, {"addresses": list(keys)}, prepare=False)
    return [row["key"] for row in await cursor.fetchall()]


async def apply_writes(
    connection: Connection,
    changes: Sequence[Change],
    *,
    is_intake: bool = False,
    wave_id: int | None = None,
    runner_id: UUID | None = None,
) -> None:
    """Apply declared writes in the caller's transaction, sorted by table and record, and record each value's change.

    With `is_intake` it is no step's work: a batch has these records again, or is taken back.
    """
    with users_data(connection):
        changed = await _apply(connection, _last_wins(changes))
    await value_writes.add(connection, changed, is_intake=is_intake, wave_id=wave_id, runner_id=runner_id)


async def _apply(connection: Connection, changes: Sequence[Change]) -> list[Changed]:
    changed: list[Changed] = []
    for (is_replace, _, table, _), group in groupby(sorted(changes, key=_group), key=_group):
        same = list(group)
        changed += await (_replace if is_replace else _update)(connection, same[0].tables.of(table), same)
    return changed


def _changed(change: Change, column: str, before: str, after: str) -> Changed:
    """Return what a change has done to one value, given as JSON text before and after."""
    return Changed(
        run_id=change.run_id,
        interaction_id=change.interaction_id,
        attempt=change.attempt,
        record_id=change.record_id,
        table=change.write.table,
        column=column,
        before=before,
        after_sha256=sha256_of(after),
    )


async def limit(connection: Connection, limit_s: float) -> None:
    """Bound each statement of the transaction: nobody else ends one that a script or a trigger lets hang."""
    timeouts = {"statement": f"{round(limit_s * 1000)}ms", "lock": f"{round(limit_s * 500)}ms"}
    connection.allow(limit_s)
    await fetch(connection, "session/limit", timeouts)


async def check_constraints(connection: Connection) -> None:
    """Check now what the user's tables would only check at COMMIT, where nobody can say any more which row it was."""
    with users_data(connection):
        await fetch(connection, "session/check_constraints")


async def apply_effect(connection: Connection, effect: Effect) -> None:
    """Run one statement of `ctx.db.execute` in the caller's transaction.

    The script's side accepts single statements that only read and write rows; `binary` has the driver send it with the
    extended protocol, which refuses a second statement in the same text.
    """
    # An approved script's own text: its bytes are pinned by hash like those of our own files.
    with users_data(connection):
        await connection.execute(effect.statement, [adapt(value) for value in effect.parameters], binary=True)


async def current_texts(
    connection: Connection,
    tables: Tables,
    table: str,
    column: str,
    records: Mapping[int, str],
    *,
    lock: bool = False,
) -> dict[int, str]:
    """Return each record's present value of a column as JSON text, or its rows where `column` is `ALL_ROWS`.

    A record without a row has no text; one without rows of a list has none either. `lock` keeps values, not lists, as
    they are until the transaction ends.
    """
    address = tables.of(table)
    texts = (
        await _rows_as_text(connection, address, records)
        if column == ALL_ROWS
        else await _values_as_text(connection, address, [column], records, lock=lock)
    )
    places = {record_id: address_of(address, record_id, key) for record_id, key in records.items()}
    return {record_id: texts[place][column] for record_id, place in places.items() if place in texts}


async def current_hashes(
    connection: Connection, tables: Tables, table: str, column: str, records: Mapping[int, str]
) -> dict[int, bytes]:
    """Return the hash of each record's present value of a column, or of its rows where `column` is `ALL_ROWS`."""
    texts = await current_texts(connection, tables, table, column, records)
    return {record_id: sha256_of(texts.get(record_id, NULL)) for record_id in records}


# ── writes ──────────────────────────────────────────────────────────────────────────────────────────


def _last_wins(changes: Sequence[Change]) -> list[Change]:
    """Join what one interaction writes to one row: of two values for a column, or two sets of rows, the later wins."""
    joined: dict[tuple[int, int, str, bool], Change] = {}
    for change in changes:
        write = change.write
        place = (change.interaction_id, change.record_id, write.table, isinstance(write, Replace))
        if place in joined and isinstance(write, Write):
            earlier = cast("Write", joined[place].write).values
            change = replace(change, write=Write(table=write.table, values={**earlier, **write.values}))
        joined[place] = change
    return list(joined.values())


def _group(change: Change) -> tuple[bool, str, str, tuple[str, ...]]:
    # Sorted, so that two transactions that touch the same tables take their locks in the same order.
    write = change.write
    collection = change.tables.collection.name
    if isinstance(write, Replace):
        return True, collection, write.table, ()
    return False, collection, write.table, tuple(sorted(write.values))


async def _update(connection: Connection, address: Address, changes: Sequence[Change]) -> list[Changed]:
    changes = sorted(changes, key=lambda change: change.record_id)
    columns = sorted(cast("Write", changes[0].write).values)
    records = {change.record_id: change.key for change in changes}
    before = await _values_as_text(connection, address, columns, records, lock=True)
    after = await _set_values(connection, address, columns, changes)
    changed = []
    for change in changes:
        place = address_of(address, change.record_id, change.key)
        if place not in after:
            raise RecordGone(address.table, change.key)
        changed += [_changed(change, name, before[place][name], after[place][name]) for name in columns]
    return changed


async def _set_values(
    connection: Connection, address: Address, columns: Sequence[str], changes: Sequence[Change]
) -> dict[str, dict[str, str]]:
    query = sql.SQL(
        "UPDATE {table} AS t SET {sets} FROM ("
        "SELECT g.address AS {address}, r.* FROM unnest({given}, %(documents)s::jsonb[]) AS g (address, document) "
        "CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, g.document) AS r) AS v "
        "WHERE t.{column} = v.{address} RETURNING t.{column}::text AS address, {texts}"
    ).format(
        table=table_name(address.table),
        column=sql.Identifier(address.column),
        given=typed_addresses(address),
        address=sql.Identifier("wave:address"),  # no column of a user's has this name
        sets=sql.SQL(", ").join(sql.SQL("{0} = v.{0}").format(sql.Identifier(name)) for name in columns),
        texts=_texts(columns),
    )
    parameters = {
        "addresses": [address_of(address, change.record_id, change.key) for change in changes],
        "documents": [dumps(dict(cast("Write", change.write).values)).decode() for change in changes],
    }
    cursor = await connection.execute(query, parameters, prepare=False)
    return _by_address(await cursor.fetchall(), columns)


async def _replace(connection: Connection, address: Address, changes: Sequence[Change]) -> list[Changed]:
    changes = sorted(changes, key=lambda change: change.record_id)
    records = {change.record_id: change.key for change in changes}
    before = await _rows_as_text(connection, address, records)
    places = {"addresses": _addresses(address, records)}
    names = {
        "table": table_name(address.table),
        "column": sql.Identifier(address.column),
        "given": typed_addresses(address),
    }
    await connection.execute(
        sql.SQL("DELETE FROM {table} WHERE {column} = ANY ({given})").format(**names), places, prepare=False
    )
    rows = [
        {**row, address.column: address_of(address, change.record_id, change.key)}
        for change in changes
        for row in cast("Replace", change.write).rows
    ]
    for columns, alike in by_columns(rows):
        insert = sql.SQL(
            "INSERT INTO {table} ({columns}) "
            "SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %(rows)s::jsonb)"
        ).format(table=names["table"], columns=columns)
        await connection.execute(insert, {"rows": dumps(alike).decode()}, prepare=False)
    after = await _rows_as_text(connection, address, records)
    return [
        _changed(change, ALL_ROWS, before.get(place, {}).get(ALL_ROWS, NULL), after.get(place, {}).get(ALL_ROWS, NULL))
        for change in changes
        for place in [address_of(address, change.record_id, change.key)]
    ]


# ── pieces of SQL ───────────────────────────────────────────────────────────────────────────────────


def table_name(table: str) -> sql.Identifier:
    """Return a table as SQL names it; it may lie in a schema of its own."""
    return sql.Identifier(*table.split("."))


def by_columns(rows: Iterable[Mapping[str, Any]]) -> list[tuple[sql.Composed, list[Mapping[str, Any]]]]:
    """Group rows by the columns they name: a column that a row does not name must get its default, not NULL."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row)), []).append(row)
    return [(sql.SQL(", ").join(map(sql.Identifier, names)), alike) for names, alike in groups.items()]


def _column(address: Address) -> sql.Composed:
    return sql.SQL("t.{}").format(sql.Identifier(address.column))


def typed_addresses(address: Address) -> sql.Composed:
    """Return the parameter `addresses` as an array of what the address column holds."""
    # The type is the catalog's own text of it, so that the column's index can be used.
    return sql.SQL("%(addresses)s::text[]::{}[]").format(sql.SQL(address.type))


def _texts(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("coalesce(to_json(t.{column})::text, 'null') AS {name}").format(
            column=sql.Identifier(name), name=sql.Identifier("c:" + name)
        )
        for name in columns
    )


async def _values_as_text(
    connection: Connection, address: Address, columns: Sequence[str], records: Mapping[int, str], *, lock: bool = False
) -> dict[str, dict[str, str]]:
    query = sql.SQL(
        "SELECT t.{column}::text AS address, {texts} FROM {table} AS t "
        "WHERE t.{column} = ANY ({given}) ORDER BY t.{column}{lock}"
    ).format(
        column=sql.Identifier(address.column),
        texts=_texts(columns),
        table=table_name(address.table),
        given=typed_addresses(address),
        lock=sql.SQL(" FOR UPDATE" if lock else ""),
    )
    return _by_address(await _select(connection, query, address, records), columns)


async def _rows_as_text(
    connection: Connection, address: Address, records: Mapping[int, str]
) -> dict[str, dict[str, str]]:
    query = sql.SQL(
        'SELECT t.{column}::text AS address, json_agg(to_json(t) ORDER BY to_json(t)::text COLLATE "C")::text AS rows '
        "FROM {table} AS t WHERE t.{column} = ANY ({given}) GROUP BY 1"
    ).format(column=sql.Identifier(address.column), table=table_name(address.table), given=typed_addresses(address))
    rows = await _select(connection, query, address, records)
    return {row["address"]: {ALL_ROWS: row["rows"]} for row in rows}


async def _select(
    connection: Connection, query: sql.Composed, address: Address, records: Mapping[int, str], *, last: bool = False
) -> list[dict[str, Any]]:
    """Ask one of the user's tables about these records; `last`: nothing more is asked in the transaction."""
    with users_data(connection):
        asked = ask_composed(connection, query, {"addresses": _addresses(address, records)})
        if last:
            await conclude(connection, asked)
        return await asked.rows()


def _value(text: str) -> Any:
    # A json column may hold half a surrogate pair, which only the standard library reads; the contract refuses it.
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _by_address(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, dict[str, str]]:
    return {row["address"]: {name: row["c:" + name] for name in columns} for row in rows}


def _addresses(address: Address, records: Mapping[int, str]) -> list[str]:
    return [address_of(address, record_id, key) for record_id, key in records.items()]


def address_of(address: Address, record_id: int, key: str) -> str:
    """Return how a record is found in a table, as text."""
    return key if address.by_key else str(record_id)
