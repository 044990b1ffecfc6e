"""Selections: which rows of a collection's table a run takes up, found by the user's query and a filter.

Candidates are read page by page in the order of their keys, and begun chunk by chunk, each a transaction with its
event: a selection that is killed goes on behind the last key that was dealt with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg import sql

from wave_runner.core.event import EventType
from wave_runner.core.filters import Term, from_plain
from wave_runner.core.nearest import did_you_mean
from wave_runner.errors import NotFoundError
from wave_runner.store import events, queries, records
from wave_runner.store.database import Asked, Connection, Database, DataRefused, ask, conclude, fetch

TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A run's selection that goes on. `after_key` is the last key that was dealt with, `begun` how many were begun."""

    run_id: int
    run_step_id: int
    queue_id: int
    workflow_id: int
    generation: int
    rank: int
    record_limit: int | None
    correlation_id: UUID
    after_key: str | None
    begun: int
    room: int | None  # so many before the run waits for the verdict on its canary
    terms: tuple[Term, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A row that was found. `record_id` is known where the table refers to it."""

    key: str
    record_id: int | None


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a workflow selects from: its table, its query (None: every row), and the columns whose change counts."""

    tables: records.Tables
    query: str | None
    columns: tuple[str, ...]


async def open_one(database: Database) -> Selection | None:
    """Return the oldest selection that is not through."""
    rows = await database.fetch("fan_outs/open_selection")
    if not rows:
        return None
    row = rows[0]
    terms = from_plain(orjson.loads(row["selection"])) if row["selection"] else ()
    return Selection(terms=terms, **{name: row[name] for name in Selection.__dataclass_fields__ if name != "terms"})


async def check(connection: Connection, source: Source, terms: Sequence[Term]) -> None:
    """Have the database plan what a run would select by.

    Raises `NotFoundError` for a column that the table does not have, and `DataRefused` for what the database refuses.
    """
    types = await records.column_types(connection, source.tables.collection.table)
    for term in terms:
        if term.column not in types:
            message = f"the table {source.tables.collection.table} has no column {term.column}"
            raise NotFoundError(message, hint=did_you_mean(term.column, types))
    statement, given = await _page(connection, source, terms, after=None, size=1)
    async with queries.read_only(connection, timeout_s=TIMEOUT_S):
        await connection.execute(sql.SQL("EXPLAIN ") + statement, given, prepare=False)


async def candidates(database: Database, selection: Selection, source: Source, *, size: int) -> list[Candidate]:
    """Return the next rows that are selected, at most `size`, in the order of their keys. Raises `DataRefused`."""
    async with database.querying() as connection:
        statement, given = await _page(connection, source, selection.terms, after=selection.after_key, size=size)
        async with queries.read_only(connection, timeout_s=TIMEOUT_S):
            cursor = await connection.execute(statement, given, prepare=False)
            rows = await cursor.fetchall()
    return [Candidate(key=row["key"], record_id=row["record_id"]) for row in rows]


async def all_keys(connection: Connection, source: Source, terms: Sequence[Term]) -> list[str]:
    """Return the key of every row that is selected. Raises `DataRefused`."""
    statement, given = await _page(connection, source, terms, after=None, size=None)
    async with queries.read_only(connection, timeout_s=TIMEOUT_S):
        cursor = await connection.execute(statement, given, prepare=False)
        return [row["key"] for row in await cursor.fetchall()]


async def begin(
    database: Database, selection: Selection, source: Source, chunk: Sequence[Candidate], *, last: bool, runner_id: UUID
) -> bool:
    """Begin what is new or has changed of a chunk of candidates, with its event. False if another runner was first."""
    async with database.transaction() as connection:
        place = {"run_id": selection.run_id, "after_key": selection.after_key}
        locked = await fetch(connection, "fan_outs/lock_selection", place)
        if not locked:
            return False
        keys, erased = await _identities(connection, source, chunk)
        hashes = await records.read_hashes(connection, source.tables, source.columns, keys)
        limit = selection.record_limit
        room = limit - locked[0]["begun"] if limit is not None else None
        made = await _begin(connection, selection, hashes, room=room)
        made["erased"] = erased
        closed = last or (room is not None and made["begun"] >= room)
        advanced = {**place, **made, "closed": closed, "after_key": chunk[-1].key if chunk else selection.after_key}
        asked = [ask(connection, "fan_outs/advance_selection", advanced)]
        if chunk:
            asked.append(_note(connection, selection, EventType.RECORDS_SELECTED, made, runner_id))
        await conclude(connection, *asked)
        return True


async def fail(database: Database, selection: Selection, error: DataRefused, *, runner_id: UUID) -> None:
    """End a selection that the database refuses; its run fails with the database's words."""
    async with database.transaction() as connection:
        ended = {"run_id": selection.run_id, "error": str(error)}
        if await fetch(connection, "fan_outs/fail_selection", ended):
            data = {"sqlstate": error.sqlstate}
            await _note(connection, selection, EventType.SELECTION_FAILED, data, runner_id).rows()


async def _identities(connection: Connection, source: Source, chunk: Sequence[Candidate]) -> tuple[dict[int, str], int]:
    """Return the key of each candidate by its record, and how many are left out because their record was erased.

    A table that does not refer to records gets them now; the key of one that was erased is a new record's there.
    """
    if source.tables.collection.record_column:
        found = {one.record_id: one.key for one in chunk if one.record_id is not None}
        there = await records.lock(connection, found)
        return {record_id: key for record_id, key in found.items() if record_id in there}, len(found) - len(there)
    ids = await records.identify(connection, source.tables.collection.name, [one.key for one in chunk])
    return {ids[one.key]: one.key for one in chunk}, 0


async def _begin(
    connection: Connection, selection: Selection, hashes: Mapping[int, bytes], *, room: int | None
) -> dict[str, int]:
    [row] = await fetch(
        connection,
        "fan_outs/select_chunk",
        {
            "run_id": selection.run_id,
            "run_step_id": selection.run_step_id,
            "queue_id": selection.queue_id,
            "workflow_id": selection.workflow_id,
            "generation": selection.generation,
            "rank": selection.rank,
            "record_ids": list(hashes),
            "hashes": list(hashes.values()),
            "room": room,
        },
    )
    return dict(row)


def _note(
    connection: Connection, selection: Selection, type: EventType, data: Mapping[str, Any], runner_id: UUID
) -> Asked:
    return events.ask_append(
        connection,
        type,
        data,
        run_id=selection.run_id,
        correlation_id=selection.correlation_id,
        runner_id=runner_id,
    )


async def _page(
    connection: Connection, source: Source, terms: Sequence[Term], *, after: str | None, size: int | None
) -> tuple[sql.Composed, dict[str, Any]]:
    """Return the statement that finds candidates, and its parameters: whatever a filter says is one of these.

    A `size` of None is no limit.
    """
    spec = source.tables.collection
    types = await records.column_types(connection, spec.table)
    if spec.key not in types:
        raise DataRefused(f"the table {spec.table} has no column {spec.key}")
    given: dict[str, Any] = {"size": size, "after": after}
    conditions = [sql.SQL("t.{}::text <> ''").format(sql.Identifier(spec.key))]
    if source.query is not None:
        conditions.append(_selected(spec.key, source.query))
    if after is not None:
        conditions.append(_compared(spec.key, ">", "after", types))
    for number, term in enumerate(terms):
        conditions.append(_filtered(term, f"value_{number}", types))
        given[f"value_{number}"] = term.value
    return _PAGE.format(
        key=sql.Identifier(spec.key),
        table=records.table_name(spec.table),
        record=sql.SQL("r.record_id") if spec.record_column else sql.SQL("NULL::bigint AS record_id"),
        records=_REFERRED.format(sql.Identifier(spec.record_column)) if spec.record_column else sql.SQL(""),
        conditions=sql.SQL(" AND ").join(conditions),
    ), given


_PAGE = sql.SQL(
    "SELECT t.{key}::text AS key, {record} FROM {table} AS t {records} WHERE {conditions} "
    "ORDER BY t.{key} LIMIT %(size)s"
)
_REFERRED = sql.SQL("JOIN records AS r ON r.record_id = t.{}")


def _selected(key: str, query: str) -> sql.Composed:
    # The newlines keep a comment at the query's end from swallowing the bracket.
    return sql.SQL('t.{} IN (SELECT * FROM (\n{}\n) AS "wave:selected")').format(
        sql.Identifier(key), sql.SQL(queries.without_placeholders(query))
    )


def _filtered(term: Term, parameter: str, types: Mapping[str, str]) -> sql.Composed:
    if term.value is None:
        return sql.SQL("t.{} IS NULL").format(sql.Identifier(term.column))
    return _compared(term.column, term.operator, parameter, types)


def _compared(column: str, operator: str, parameter: str, types: Mapping[str, str]) -> sql.Composed:
    # The operator is one of the five that a filter knows; the type is the catalog's own text of it.
    if column not in types:
        raise DataRefused(f"there is no column {column} any more")
    return sql.SQL("t.{} {} {}::text::{}").format(
        sql.Identifier(column), sql.SQL(operator), sql.Placeholder(parameter), sql.SQL(types[column])
    )
