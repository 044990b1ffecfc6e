"""Read what a run's ended records hold in the user's tables, and write the verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType
from wave_runner.core.settling import Facts, Value, Watched
from wave_runner.store import events, records
from wave_runner.store.database import Connection, Database, fetch

CHUNK = 400  # the event names them all: their flows have to fit into its data


@dataclass(frozen=True, kw_only=True)
class Due:
    """A run that awaits a verdict: on records, if it has some that have ended, else on itself."""

    run_id: int
    run_step_id: int  # of any step: its pinned definition says what the run ensures
    has_ended: bool


async def due(database: Database) -> list[Due]:
    """Return the runs that await a verdict."""
    return [Due(**row) for row in await database.fetch("runs/due", by_key=True)]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A flow that has come to its verdict. `record_id` None: what was done once for its run. Times since 1970."""

    record_id: int | None
    flow: UUID
    workflow: str
    state: str
    began_ns: int
    ended_ns: int


async def flows(database: Database, run_id: int, record_ids: Sequence[int] | None) -> list[Settled]:
    """Return the flows of records that have their verdict, or with None the run's own if that has ended."""
    if record_ids is None:
        return [Settled(**row) for row in await database.fetch("runs/flow", {"run_id": run_id})]
    given = {"run_id": run_id, "record_ids": list(record_ids)}
    return [Settled(**row) for row in await database.fetch("run_records/flows", given)]


async def ended(connection: Connection, run_id: int) -> dict[int, str]:
    """Lock the next records whose flow has ended; return their keys by id."""
    rows = await fetch(connection, "run_records/ended", {"run_id": run_id, "size": CHUNK})
    return {row["record_id"]: row["key"] for row in rows}


async def facts(
    connection: Connection,
    tables: records.Tables,
    run_id: int,
    keys: Mapping[int, str],
    *,
    columns: Sequence[str],
    counted: Sequence[str],
    watched: Sequence[Watched],
) -> dict[int, Facts]:
    """Return what stands in the tables for each record, and who wrote it."""
    rows = await records.read(connection, tables, columns, keys) if columns else {}
    counts = {table: await records.count_rows(connection, tables, table, keys) for table in counted}
    steps = await _broken_steps(connection, run_id, keys)
    values = await _watched_values(connection, tables, run_id, keys, watched)
    return {
        record_id: Facts(
            record=_values(rows.get(record_id)) if columns else {},
            counts={table: counts[table][record_id] for table in counted},
            broken_steps=tuple(steps.get(record_id, ())),
            values=values[record_id],
        )
        for record_id in keys
    }


def _values(row: records.RowRead | None) -> dict[str, Any] | None:
    return row.values if row is not None else None


async def settle(
    connection: Connection, run_id: int, broken: Mapping[int, Sequence[str]], *, runner_id: UUID | None
) -> None:
    """Write the verdict of each record: completed where nothing is broken."""
    verdicts = [dumps(list(found)).decode() if found else None for found in broken.values()]
    given = {"run_id": run_id, "record_ids": list(broken), "broken": verdicts}
    settled = await fetch(connection, "run_records/settle", given)
    data: dict[str, Any] = {}
    for state in ("completed", "incomplete"):
        flows = sorted(row["flow"] for row in settled if row["state"] == state)
        data |= {state: len(flows), f"{state}_flows": flows}
    await events.append(connection, EventType.RECORDS_SETTLED, data, run_id=run_id, runner_id=runner_id)


async def _broken_steps(connection: Connection, run_id: int, keys: Mapping[int, str]) -> dict[int, list[str]]:
    rows = await fetch(connection, "run_records/broken_steps", {"run_id": run_id, "record_ids": list(keys)})
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row["record_id"], []).append(f"{row['step']} {row['state']}: {row['reason']}")
    return found


async def _watched_values(
    connection: Connection,
    tables: records.Tables,
    run_id: int,
    keys: Mapping[int, str],
    watched: Sequence[Watched],
) -> dict[int, dict[Watched, Value]]:
    rows = await fetch(connection, "records/newest_writes", {"record_ids": list(keys)})
    newest = {(row["record_id"], row["table_name"], row["column_name"]): row for row in rows}
    values: dict[int, dict[Watched, Value]] = {record_id: {} for record_id in keys}
    for one in watched:
        current = await records.current_hashes(connection, tables, one.table, one.column, keys)
        for record_id in keys:
            values[record_id][one] = _value(newest.get((record_id, one.table, one.column)), run_id, current[record_id])
    return values


def _value(row: Mapping[str, Any] | None, run_id: int, current: bytes) -> Value:
    if row is None:
        return Value(written=False, by_this_run=False, unchanged=False)
    return Value(written=True, by_this_run=row["run_id"] == run_id, unchanged=bytes(row["after_sha256"]) == current)
