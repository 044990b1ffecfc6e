"""Staged rows: raw input waits here, and only a decision carries it into a production table.

Every write is fenced by the wave that holds the interaction, and is one transaction a chunk with its event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType
from wave_runner.store import interactions, records
from wave_runner.store.database import Connection, DataRefused, fetch, users_data
from wave_runner.store.waves import Item, Wave

BATCH_BYTES = 4 * 1024 * 1024
"""What is handed out at once: many large rows would fill the memory of a runner and of its script."""


class LostWave(Exception):
    """The wave no longer holds this interaction: what it asks for is refused, and nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a fetch has come: the position of its newest staged row, and how many there are."""

    position: Any
    staged: int


async def position(connection: Connection, item: Item) -> Position | None:
    """Return where this interaction's fetch resumes; None if nothing is staged yet."""
    rows = await fetch(connection, "staging/position", {"run_id": item.run_id, "interaction_id": item.interaction_id})
    return Position(position=rows[0]["position"], staged=rows[0]["staged"]) if rows else None


async def add(
    connection: Connection, wave: Wave, item: Item, collection: str, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Stage raw rows: {"raw": JSON text or value, "source": str, "position": JSON value}. Returns how many.

    A row that has `errors` as well, as those of a rejection, is rejected already.
    """
    errors = [row.get("errors", []) for row in rows]
    rejected = sum(map(bool, errors))
    data = {"rows": len(rows), **({"rejected": rejected} if rejected else {})}
    await _note(connection, wave, item, EventType.STAGING_WRITTEN, data)
    with users_data(connection):
        await fetch(
            connection,
            "staging/add",
            {
                "run_id": item.run_id,
                "interaction_id": item.interaction_id,
                "collection": collection,
                "sources": [row["source"] for row in rows],
                "positions": [json.dumps(row.get("position")) for row in rows],
                "raws": [_raw_text(row["raw"]) for row in rows],
                "errors": [dumps(found).decode() for found in errors],
            },
        )
    return len(rows)


async def waiting(connection: Connection, run_id: int, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Return staged rows of the run that wait for a decision: id, raw (JSON text) and source, in order of staging.

    They are `limit` at most, and so many that they have about `BATCH_BYTES` together; where any waits, one at least.
    """
    given = {"run_id": run_id, "after": after, "limit": limit, "bytes": BATCH_BYTES}
    return await fetch(connection, "staging/waiting", given)


async def decide(
    connection: Connection,
    wave: Wave,
    item: Item,
    collection: records.Tables,
    decisions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Promote or reject staged rows, all in the caller's transaction.

    A promotion is {"id", "key", "values"}, a rejection {"id", "errors": [{"rule", "field", "message"}]}. A promotion
    whose key is taken, or whose row the table refuses as a duplicate, becomes a rejection with the rule `duplicate`:
    the first one wins. Returns {"promoted": n, "rejected": n, "duplicates": [ids]}. Raises `DataRefused`.
    """
    decisions = [_checked(decision) for decision in decisions]
    ids = [decision["id"] for decision in decisions]
    with users_data(connection):
        locked = await fetch(connection, "staging/lock", {"run_id": item.run_id, "ids": ids})
    open_ids = {row["staged_id"] for row in locked}
    decisions = [decision for decision in decisions if decision["id"] in open_ids]
    with users_data(connection):
        promoted, duplicates = await _promote(connection, collection, [d for d in decisions if "values" in d])
        errors = {d["id"]: d["errors"] for d in decisions if "values" not in d} | duplicates
        await fetch(
            connection,
            "staging/decide",
            {
                "run_id": item.run_id,
                "ids": [*promoted, *errors],
                "states": ["promoted"] * len(promoted) + ["rejected"] * len(errors),
                "errors": ["[]"] * len(promoted) + [dumps(found).decode() for found in errors.values()],
                "record_ids": [*promoted.values(), *([None] * len(errors))],
                "decider_id": item.interaction_id,
            },
        )
    await records.check_constraints(connection)
    data = {"promoted": len(promoted), "rejected": len(errors)}
    await _note(connection, wave, item, EventType.STAGING_DECIDED, data)
    return {**data, "duplicates": sorted(duplicates)}


def _checked(decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a decision as a script gave it, with a number for its id and a text for its key."""
    if type(decision.get("id")) is not int:
        raise DataRefused(f"the id of a decision must be that of a staged row, not {decision.get('id')!r}")
    if "values" not in decision:
        return decision
    key = decision.get("key")
    if not isinstance(key, str) and type(key) is not int:
        raise DataRefused(f"the key of staged row {decision['id']} must be a text, not {key!r}")
    return {**decision, "key": str(key)}


async def _promote(
    connection: Connection, tables: records.Tables, decisions: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, int], dict[int, list[dict[str, str]]]]:
    """Return the record of each promoted row, and the errors of those refused as duplicates."""
    if not decisions:
        return {}, {}
    keys = await records.canonical_keys(connection, tables, [decision["key"] for decision in decisions])
    decisions = [{**decision, "key": key} for decision, key in zip(decisions, keys, strict=True)]
    record_of = await records.identify(connection, tables.collection.name, keys)
    first: dict[str, Mapping[str, Any]] = {}
    for decision in decisions:
        first.setdefault(decision["key"], decision)
    key_of = {record_of[key]: key for key in first}
    there = await records.count_rows(connection, tables, tables.collection.table, key_of)
    new = [(record_of[key], decision) for key, decision in first.items() if not there[record_of[key]]]
    placed = await _insert(connection, tables, new)
    promoted = {d["id"]: record_of[key] for key, d in first.items() if record_of[key] in placed}
    duplicates = {
        d["id"]: [_duplicate(d["key"], tables.collection.table, within_batch=record_of[d["key"]] in placed)]
        for d in decisions
        if d["id"] not in promoted
    }
    return promoted, duplicates


async def _insert(
    connection: Connection, tables: records.Tables, rows: Sequence[tuple[int, Mapping[str, Any]]]
) -> set[int]:
    """Insert the rows a table does not refuse as duplicates; return the records that have theirs now."""
    spec = tables.collection
    address_column = spec.record_column or spec.key
    documents = [
        {**decision["values"], address_column: record_id if spec.record_column else decision["key"]}
        for record_id, decision in rows
    ]
    placed: set[str] = set()
    for columns, alike in records.by_columns(documents):
        query = sql.SQL(
            "INSERT INTO {table} ({columns}) "
            "SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %(rows)s::jsonb) "
            "ON CONFLICT DO NOTHING RETURNING {address}::text AS address"
        ).format(table=records.table_name(spec.table), columns=columns, address=sql.Identifier(address_column))
        cursor = await connection.execute(query, {"rows": dumps(alike).decode()}, prepare=False)
        placed |= {row["address"] for row in await cursor.fetchall()}
    return {
        record_id
        for record_id, decision in rows
        if (str(record_id) if spec.record_column else decision["key"]) in placed
    }


def _duplicate(key: str, table: str, *, within_batch: bool) -> dict[str, str]:
    where = "this batch" if within_batch else table
    return {"rule": "duplicate", "field": "", "message": f"{key} is in {where} already; the first one wins"}


async def _note(connection: Connection, wave: Wave, item: Item, type: EventType, data: Mapping[str, Any]) -> None:
    held = await interactions.note(
        connection,
        run_id=item.run_id,
        interaction_id=item.interaction_id,
        type=type,
        data=data,
        runner_id=wave.runner_id,
        wave_id=wave.wave_id,
    )
    if not held:
        raise LostWave(f"wave {wave.wave_id} no longer holds interaction {item.interaction_id}")


def _raw_text(raw: Any) -> str:
    """Return JSON text; a value that is not text yet is written with every character escaped that a database minds."""
    return raw if isinstance(raw, str) else json.dumps(raw)
