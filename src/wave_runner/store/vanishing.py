"""What has vanished from a source: told at the end of a run whose batch is whole, or held for a person to say so.

All of it happens in one transaction, with an event for each chunk of records: nobody meets half of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from wave_runner.core.event import EventType, commitment
from wave_runner.core.vanishing import is_held
from wave_runner.store import events
from wave_runner.store.database import Connection, fetch

RECORDS_AT_ONCE = 1000
"""Records that one event names: its data must fit."""

ALERT = "batch_held"


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A whole batch: how many records its source had before, and the keys of those that are not in it, by record."""

    known: int
    keys: Mapping[int, str]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A batch that waits for a person's word, as it was when it was held."""

    state: str
    known: int | None
    vanished: int | None


async def settle(
    connection: Connection, run_id: int, *, hold_above: float, correlation_id: UUID, runner_id: UUID
) -> None:
    """Let vanish what a run's whole batch has not, or hold it. Nothing happens where the batch is not whole.

    The caller's transaction ends the run, and has made sure that nothing of it is broken.
    """
    if not await fetch(connection, "batches/whole", {"run_id": run_id}):
        return
    missing = await look(connection, run_id)
    vanished = len(missing.keys)
    held = is_held(known=missing.known, vanished=vanished, hold_above=hold_above)
    counts = {"known": missing.known, "vanished": vanished}
    await fetch(connection, "batches/settle", {"run_id": run_id, "state": "held" if held else "settled", **counts})
    of: dict[str, Any] = {"run_id": run_id, "correlation_id": correlation_id, "runner_id": runner_id}
    if not held:
        await let_vanish(connection, run_id, list(missing.keys))
        return
    await events.append(connection, EventType.BATCH_HELD, counts, **of)
    message = (
        f"{vanished} of {missing.known} records are not in the batch: nothing has vanished until somebody says so "
        f"(wave staging vanished {run_id}, then wave staging approve or refuse)"
    )
    await fetch(connection, "alerts/raise", {"run_id": run_id, "kind": ALERT, "message": message})
    await events.append(connection, EventType.ALERT_RAISED, {"kind": ALERT}, **of)


async def look(connection: Connection, run_id: int) -> Missing:
    """Return what a batch has not, though its source had it. Locks these records."""
    rows = await fetch(connection, "batches/vanishing", {"run_id": run_id})
    [again] = await fetch(connection, "batches/again", {"run_id": run_id})
    keys = {row["record_id"]: row["key"] for row in rows}
    return Missing(known=again["n"] + len(keys), keys=keys)


async def lock(connection: Connection, run_id: int) -> Held | None:
    """Lock a whole batch and return how it stands; None where the run has none."""
    rows = await fetch(connection, "batches/lock", {"run_id": run_id})
    return Held(**rows[0]) if rows else None


async def judge(
    connection: Connection, run_id: int, record_ids: Sequence[int], *, approved: bool, by: str, reason: str
) -> None:
    """Note a person's word on a held batch; with their approval the records vanish."""
    nonce = os.urandom(32)
    given = {"run_id": run_id, "by": by, "reason": reason, "nonce": nonce, "vanished": len(record_ids)}
    await fetch(connection, "batches/judge", {**given, "state": "approved" if approved else "refused"})
    data = {"by": by, "reason": commitment(nonce, reason.encode()), "records": len(record_ids)}
    type = EventType.BATCH_APPROVED if approved else EventType.BATCH_REFUSED
    await events.append(connection, type, data, run_id=run_id)
    await fetch(connection, "alerts/withdraw", {"run_id": run_id, "kind": ALERT})
    if approved:
        await let_vanish(connection, run_id, record_ids)


async def vanished(connection: Connection, run_id: int) -> list[str]:
    """Return the keys of the records that vanished with a batch and are not back."""
    return [row["key"] for row in await fetch(connection, "batches/vanished", {"run_id": run_id})]


async def let_vanish(connection: Connection, run_id: int, record_ids: Sequence[int]) -> None:
    """Mark records as vanished: no selection takes them up until their source has them again."""
    await fetch(connection, "records/vanish", {"run_id": run_id, "record_ids": list(record_ids)})
    await _name(connection, EventType.RECORDS_VANISHED, record_ids, {"run_id": run_id})


async def see(connection: Connection, run_id: int, record_ids: Sequence[int], *, runner_id: UUID | None) -> list[int]:
    """Note that a batch has these records. Returns those that had vanished and are back."""
    rows = await fetch(connection, "records/see", {"run_id": run_id, "record_ids": sorted(set(record_ids))})
    back = [row["record_id"] for row in rows]
    await _name(connection, EventType.RECORDS_RETURNED, back, {"run_id": run_id, "runner_id": runner_id})
    return back


async def unsee(connection: Connection, run_id: int, record_ids: Sequence[int]) -> list[int]:
    """Take back that a batch had these records, and what vanished with it. Returns the records that are there again."""
    rows = await fetch(connection, "records/unsee", {"run_id": run_id, "record_ids": list(record_ids)})
    back = [row["record_id"] for row in rows]
    await _name(connection, EventType.RECORDS_RETURNED, back, {"run_id": run_id})
    await fetch(connection, "batches/roll_back", {"run_id": run_id})
    await fetch(connection, "alerts/withdraw", {"run_id": run_id, "kind": ALERT})
    return back


async def _name(connection: Connection, type: EventType, record_ids: Sequence[int], of: Mapping[str, Any]) -> None:
    for first in range(0, len(record_ids), RECORDS_AT_ONCE):
        chunk = list(record_ids[first : first + RECORDS_AT_ONCE])
        await events.append(connection, type, {"records": chunk}, **of)
