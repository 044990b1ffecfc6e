"""A record that comes again from its source: its row gets the values that have changed, and what was there is kept.

Whether there is anything to do with it again, its workflow's own reading says: a new timestamp is no change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from wave_runner.core.canonical import dumps
from wave_runner.core.outcome import Write
from wave_runner.store import records
from wave_runner.store.database import Connection, fetch
from wave_runner.store.records import Address, Change, Tables, address_of

Promotions = Mapping[int, Mapping[str, Any]]
"""Promotions as a script gives them, by the record that their keys name."""


@dataclass(frozen=True, kw_only=True)
class Refetch:
    """Whose decisions they are, and what counts: columns that the workflow reads, and those that it writes itself."""

    run_id: int
    interaction_id: int
    attempt: int
    reads: Collection[str]
    writes: Collection[str]


async def renew(connection: Connection, tables: Tables, refetch: Refetch, known: Promotions) -> set[int]:
    """Set what has changed in the rows of known records, in the caller's transaction.

    Returns those that have changed, since the workflow has last read them, in what it reads. Raises `DataRefused`.
    """
    changed = await _changed_columns(connection, tables, refetch, known)
    table = tables.collection.table
    await records.apply_writes(
        connection,
        [
            Change(
                run_id=refetch.run_id,
                interaction_id=refetch.interaction_id,
                attempt=refetch.attempt,
                record_id=record_id,
                key=known[record_id]["key"],
                tables=tables,
                write=Write(table=table, values={name: known[record_id]["values"][name] for name in columns}),
            )
            for record_id, columns in changed.items()
        ],
        is_intake=True,
    )
    return await _read_otherwise(connection, tables, refetch, known, changed)


async def _read_otherwise(
    connection: Connection, tables: Tables, refetch: Refetch, known: Promotions, changed: Mapping[int, Sequence[str]]
) -> set[int]:
    """Return the records whose newest flow has read something else than what stands there now, or which have none."""
    given = {"run_id": refetch.run_id, "record_ids": list(known)}
    read = {row["record_id"]: row["read_hash"] for row in await fetch(connection, "run_records/newest_hashes", given)}
    keys = {record_id: one["key"] for record_id, one in known.items()}
    reads = sorted(refetch.reads)
    now = await records.read_hashes(connection, tables, reads, keys) if reads else {}
    return {
        record_id
        for record_id in known
        if record_id not in read
        # A flow that was begun when nobody asked what it reads has no hash: then what changes now decides.
        or (
            read[record_id] != now.get(record_id)
            if read[record_id] is not None
            else not set(reads).isdisjoint(changed.get(record_id, ()))
        )
    }


async def _changed_columns(
    connection: Connection, tables: Tables, refetch: Refetch, known: Promotions
) -> dict[int, list[str]]:
    """Return which columns of each record's row would change; what the workflow writes itself is left alone."""
    address = tables.of(tables.collection.table)
    left_alone = {*refetch.writes, address.column}
    groups: dict[tuple[str, ...], list[int]] = {}
    for record_id, one in known.items():
        groups.setdefault(tuple(sorted(set(one["values"]) - left_alone)), []).append(record_id)
    found: dict[int, list[str]] = {}
    for columns, record_ids in sorted(groups.items()):
        if columns:
            found |= await _differing(connection, address, columns, {id: known[id] for id in record_ids})
    return found


async def _differing(
    connection: Connection, address: Address, columns: Sequence[str], known: Promotions
) -> dict[int, list[str]]:
    # Compared as the table would store them, and as text: json has no equality.
    query = sql.SQL(
        "SELECT t.{column}::text AS address, {differ} FROM {table} AS t JOIN ("
        "SELECT g.address AS {address}, r.* FROM unnest({given}, %(documents)s::jsonb[]) AS g (address, document) "
        "CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, g.document) AS r) AS v ON t.{column} = v.{address}"
    ).format(
        column=sql.Identifier(address.column),
        differ=sql.SQL(", ").join(
            sql.SQL("to_json(t.{0})::text IS DISTINCT FROM to_json(v.{0})::text AS {1}").format(
                sql.Identifier(name), sql.Identifier("c:" + name)
            )
            for name in columns
        ),
        table=records.table_name(address.table),
        address=sql.Identifier("wave:address"),  # no column of a user's has this name
        given=records.typed_addresses(address),
    )
    places = {address_of(address, record_id, one["key"]): record_id for record_id, one in known.items()}
    given = {
        "addresses": list(places),
        "documents": [dumps(dict(known[record_id]["values"])).decode() for record_id in places.values()],
    }
    rows = await (await connection.execute(query, given, prepare=False)).fetchall()
    differ = {places[row["address"]]: [name for name in columns if row["c:" + name]] for row in rows}
    return {record_id: names for record_id, names in differ.items() if names}
