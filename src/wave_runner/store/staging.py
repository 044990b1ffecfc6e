"""Staged rows: raw input waits here, and only a decision carries it into a production table.

Every write is fenced by the wave that holds the interaction, and is one transaction a chunk with its event.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType
from wave_runner.store import interactions, records, vanishing
from wave_runner.store.database import Connection, DataRefused, fetch, users_data
from wave_runner.store.refetching import Refetch, renew
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
    *,
    refetch: Refetch | None = None,
) -> dict[str, Any]:
    """Promote or reject staged rows, all in the caller's transaction.

    A promotion is {"id", "key", "values"}, a rejection {"id", "errors": [{"rule", "field", "message"}]}, with the
    "key" where it is known. A promotion whose key is taken, or whose row the table refuses as a duplicate, becomes a
    rejection with the rule `duplicate`: the first one wins. With `refetch` a record that is there already gets what
    has changed instead. Returns the counts of what has become of them, and {"duplicates": [ids]}. Raises `DataRefused`.
    """
    decisions = [_checked(decision) for decision in decisions]
    ids = [decision["id"] for decision in decisions]
    with users_data(connection):
        locked = await fetch(connection, "staging/lock", {"run_id": item.run_id, "ids": ids})
    open_ids = {row["staged_id"] for row in locked}
    decisions = [decision for decision in decisions if decision["id"] in open_ids]
    with users_data(connection):
        verdicts = await _judge(connection, collection, decisions, refetch)
        await _decide(connection, item.run_id, verdicts, decider_id=item.interaction_id)
    await records.check_constraints(connection)
    seen = [one.record_id for one in verdicts if one.record_id is not None]
    await vanishing.see(connection, item.run_id, seen, runner_id=wave.runner_id)
    counts = Counter(one.state for one in verdicts)
    told = ("promoted", "rejected") if refetch is None else ("promoted", "updated", "unchanged", "rejected")
    data = {state: counts[state] for state in told}
    await _note(connection, wave, item, EventType.STAGING_DECIDED, data)
    return {**data, "duplicates": sorted(one.id for one in verdicts if one.is_duplicate)}


async def promote_by_hand(
    connection: Connection,
    tables: records.Tables,
    promotions: Sequence[Mapping[str, Any]],
    *,
    refetch: Refetch,
    renews: bool,
    by: str,
) -> list[Verdict]:
    """Promote rows that wait in a person's name, in the caller's transaction; `renews`: known records are updated."""
    checked = [_checked(promotion) for promotion in promotions]
    with users_data(connection):
        verdicts = await _judge(connection, tables, checked, refetch if renews else None)
        await _decide(connection, refetch.run_id, verdicts, decided_by=by)
    await records.check_constraints(connection)
    seen = [one.record_id for one in verdicts if one.record_id is not None]
    await vanishing.see(connection, refetch.run_id, seen, runner_id=None)
    return verdicts


async def complete(connection: Connection, wave: Wave, item: Item) -> None:
    """Note that an interaction has read its source to the end: its run's batch is whole once all of them have."""
    given = {"run_id": item.run_id, "interaction_id": item.interaction_id}
    if await fetch(connection, "batches/declare", given):
        await _note(connection, wave, item, EventType.STAGING_COMPLETED, {})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a staged row, and of which record it is as far as that is known."""

    id: int
    state: str
    record_id: int | None
    errors: Sequence[Any] = ()
    is_duplicate: bool = False


async def _decide(
    connection: Connection,
    run_id: int,
    verdicts: Sequence[Verdict],
    *,
    decider_id: int | None = None,
    decided_by: str | None = None,
) -> None:
    ids = [one.id for one in verdicts]
    await fetch(
        connection,
        "staging/decide",
        {
            "run_id": run_id,
            "ids": ids,
            "states": [one.state for one in verdicts],
            "errors": [dumps(list(one.errors)).decode() for one in verdicts],
            "record_ids": [one.record_id for one in verdicts],
            "decider_id": decider_id,
            "decided_by": decided_by,
        },
    )
    await fetch(connection, "staging/name_origins", {"run_id": run_id, "ids": ids})


def _checked(decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a decision as a script gave it, with a number for its id and a text for its key."""
    if type(decision.get("id")) is not int:
        raise DataRefused(f"the id of a decision must be that of a staged row, not {decision.get('id')!r}")
    if "values" not in decision and "key" not in decision:
        return decision
    key = decision.get("key")
    if not isinstance(key, str) and type(key) is not int:
        raise DataRefused(f"the key of staged row {decision['id']} must be a text, not {key!r}")
    return {**decision, "key": str(key)}


async def _judge(
    connection: Connection,
    tables: records.Tables,
    decisions: Sequence[Mapping[str, Any]],
    refetch: Refetch | None,
) -> list[Verdict]:
    keyed = [decision for decision in decisions if "key" in decision]
    keys = await records.canonical_keys(connection, tables, [decision["key"] for decision in keyed])
    of = {decision["id"]: key for decision, key in zip(keyed, keys, strict=True)}
    promotions = [{**decision, "key": of[decision["id"]]} for decision in decisions if "values" in decision]
    rejections = [decision for decision in decisions if "values" not in decision]
    record_of = await records.identify(
        connection,
        tables.collection.name,
        [one["key"] for one in promotions],
        also=[of[one["id"]] for one in rejections if one["id"] in of],
    )
    rejected = [
        Verdict(id=one["id"], state="rejected", record_id=record_of.get(of.get(one["id"], "")), errors=one["errors"])
        for one in rejections
    ]
    return [*await _promote(connection, tables, promotions, record_of, refetch), *rejected]


async def _promote(
    connection: Connection,
    tables: records.Tables,
    decisions: Sequence[Mapping[str, Any]],
    record_of: Mapping[str, int],
    refetch: Refetch | None,
) -> list[Verdict]:
    """Insert the rows of new records and, where that is wanted, renew those of known ones."""
    if not decisions:
        return []
    first: dict[int, Mapping[str, Any]] = {}
    for decision in decisions:
        first.setdefault(record_of[decision["key"]], decision)
    key_of = {record_id: decision["key"] for record_id, decision in first.items()}
    there = await records.count_rows(connection, tables, tables.collection.table, key_of)
    placed = await _insert(connection, tables, [(id, one) for id, one in first.items() if not there[id]])
    state = dict.fromkeys(placed, "promoted")
    if refetch is not None:
        placed_before = await _placed(connection, refetch.run_id, list(first))
        known = {id: one for id, one in first.items() if there[id] and id not in placed_before}
        updated = await renew(connection, tables, refetch, known)
        state |= {id: "updated" if id in updated else "unchanged" for id in known}
    verdicts = []
    for decision in decisions:
        record_id = record_of[decision["key"]]
        if record_id in state and first[record_id]["id"] == decision["id"]:
            verdicts.append(Verdict(id=decision["id"], state=state[record_id], record_id=record_id))
            continue
        errors = [_duplicate(decision["key"], tables.collection.table, within_batch=record_id in state)]
        is_there = record_id in state or there[record_id] > 0
        verdicts.append(
            Verdict(
                id=decision["id"],
                state="rejected",
                record_id=record_id if is_there else None,
                errors=errors,
                is_duplicate=True,
            )
        )
    return verdicts


async def _placed(connection: Connection, run_id: int, record_ids: Sequence[int]) -> set[int]:
    rows = await fetch(connection, "staging/placed", {"run_id": run_id, "record_ids": list(record_ids)})
    return {row["record_id"] for row in rows}


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
