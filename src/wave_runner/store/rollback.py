"""Roll a batch back: records that it made lose their rows, those that it changed get back what they had.

All of it is one transaction, and what was staged stays. Where something newer stands on one of its records, nothing is
done at all.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.outcome import Replace
from wave_runner.store import batches, invalidations, records, undoing, vanishing
from wave_runner.store.batches import Order
from wave_runner.store.database import Connection, fetch
from wave_runner.store.invalidations import Finding
from wave_runner.store.records import Change, Tables

RECORDS_AT_ONCE = 1000
STEP = "(rollback)"
"""Where an invalidation begins that takes a batch back, as it is recorded: at no step of its own."""


class Obstacle(enum.StrEnum):
    """What keeps a batch from being rolled back: something newer stands on one of its records."""

    IN_LATER_BATCH = "in_later_batch"  # a later batch has it
    WORKED_ON_LATER = "worked_on_later"  # a later run has taken it up
    WRITTEN_LATER = "written_later"  # another run has written one of its values since
    CHANGED_OUTSIDE = "changed_outside"  # a value is not what was written
    BEFORE_ERASED = "before_erased"  # what stood there before was kept long enough, and is gone
    ON_LEGAL_HOLD = "on_legal_hold"
    ERASED = "erased"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A row of a batch that has come to something, and the step that has decided about it."""

    staged_id: int
    state: str
    record_id: int
    key: str
    decider_id: int
    attempt: int
    trouble: str | None


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """What a rollback does: rows, records that lose their rows, that get values back, results that count no more.

    `in_the_way` has the keys of records that something newer stands on; then nothing can be done.
    """

    rows: int
    removed: int
    restored: int
    values: int
    results: int
    returned: int
    in_the_way: tuple[tuple[str, Obstacle], ...]


async def is_deciding(connection: Connection, run_id: int) -> tuple[bool, list[int]]:
    """Return whether rows of a batch are still being decided on, and the steps of its run."""
    [row] = await fetch(connection, "staging/unfinished", {"run_id": run_id})
    return row["deciding"], row["run_step_ids"] or []


async def roll_back(connection: Connection, order: Order, tables: Tables, *, workflow: str) -> RolledBack:
    """Roll a batch back in the caller's transaction, which holds its run's lock. Raises `DataRefused`."""
    found = [Outcome(**row) for row in await fetch(connection, "staging/outcome", {"run_id": order.run_id})]
    keys = {one.record_id: one.key for one in found}
    obstacles = {one.record_id: Obstacle(one.trouble) for one in found if one.trouble is not None}
    made = [one for one in found if one.state == "promoted"]
    others = {one.record_id: one.key for one in found if one.state != "promoted"}
    values, troubles = await _put_back(connection, order.run_id, tables, others, dry=bool(obstacles))
    obstacles |= troubles
    results = await _results(connection, order.run_id, list(keys))
    done = RolledBack(
        rows=len(found),
        removed=len(made),
        restored=len({write["record_id"] for write in values}),
        values=len(values),
        results=len(results),
        returned=0,
        in_the_way=tuple((keys[id], obstacle) for id, obstacle in sorted(obstacles.items())),
    )
    if obstacles or not found:
        return done
    finding = Finding(workflow=workflow, step=STEP, reason=order.reason, nonce=os.urandom(32), by=order.by)
    if results:
        number = await invalidations.add(connection, finding)
        await invalidations.apply(connection, order.run_id, number, finding, results)
    await _remove(connection, order.run_id, tables, made)
    await fetch(connection, "staging/roll_back", {"run_id": order.run_id, "ids": [one.staged_id for one in found]})
    returned = await vanishing.unsee(connection, order.run_id, list(keys))
    await batches.tell(
        connection,
        order,
        {"rows": done.rows, "removed": done.removed, "values": done.values, "results": done.results},
    )
    return RolledBack(**{**vars(done), "returned": len(returned)})


async def _put_back(
    connection: Connection, run_id: int, tables: Tables, keys: Mapping[int, str], *, dry: bool
) -> tuple[list[Mapping[str, Any]], dict[int, Obstacle]]:
    """Put back what stood in the values that a run has changed of records that were there before it."""
    put: list[Mapping[str, Any]] = []
    troubles: dict[int, Obstacle] = {}
    for chunk in _chunks(sorted(keys)):
        given = {"run_id": run_id, "record_ids": chunk}
        writes: list[Mapping[str, Any]] = list(await fetch(connection, "staging/writes", given))
        now = await undoing.values_now(connection, tables, writes, keys)
        troubles |= {id: Obstacle(trouble) for id, trouble in undoing.in_the_way(writes, now).items()}
        put += writes
        if not (dry or troubles):
            await undoing.restore_values(connection, run_id, tables, writes, now, keys)
    return put, troubles


async def _results(connection: Connection, run_id: int, record_ids: Sequence[int]) -> list[int]:
    rows = await fetch(connection, "staging/results", {"run_id": run_id, "record_ids": list(record_ids)})
    return [row["interaction_id"] for row in rows]


async def _remove(connection: Connection, run_id: int, tables: Tables, made: Sequence[Outcome]) -> None:
    """Take the rows of records out of all their tables, keeping what stood there: those that refer to others first."""
    own = tables.collection.table
    for chunk in _chunks(made):
        for table in [*(name for name in tables.addresses if name != own), own]:
            changes = [
                Change(
                    run_id=run_id,
                    interaction_id=one.decider_id,
                    attempt=one.attempt,
                    record_id=one.record_id,
                    key=one.key,
                    tables=tables,
                    write=Replace(table=table, rows=[]),
                )
                for one in chunk
            ]
            await records.apply_writes(connection, changes, is_intake=True)
    await records.check_constraints(connection)


def _chunks(found: Sequence[Any]) -> list[list[Any]]:
    return [list(found[first : first + RECORDS_AT_ONCE]) for first in range(0, len(found), RECORDS_AT_ONCE)]
