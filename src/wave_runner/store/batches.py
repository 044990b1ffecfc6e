"""Batches: what each run has staged, and what persons say of its rows. Each order is one transaction with its event."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType, commitment
from wave_runner.store import events
from wave_runner.store.database import Connection, fetch, users_data

EVENTS = {
    "revalidate": EventType.STAGING_REVALIDATED,
    "promote": EventType.STAGING_PROMOTED,
    "reject": EventType.STAGING_REJECTED,
    "roll_back": EventType.STAGING_ROLLED_BACK,
}
REJECTED = "rejected_by_a_person"
"""The rule of a row that no script has rejected."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one run has staged, by what has become of the rows; its number is the run's.

    `whole` is None where its source was not read to the end; else "open" until its run has ended, then "settled", or
    "held" until somebody says what it means: "approved", "refused". Then `vanished` of the `known` records of its
    source are not in it. `revalidates` is the batch whose rows it has once more.
    """

    run_id: int
    workflow: str
    collection: str
    run_state: str
    revalidates: int | None
    rows: int
    waiting: int
    promoted: int
    updated: int
    unchanged: int
    rejected: int
    revalidated: int
    rolled_back: int
    whole: str | None
    known: int | None
    vanished: int | None
    decided_by: str | None
    reason: str | None
    staged_at: datetime


@dataclass(frozen=True, kw_only=True)
class StagedRow:
    """A row of a batch. `raw` is JSON text, None where it was not asked for or is erased."""

    id: int
    state: str
    source: str
    key: str | None
    errors: Sequence[Any]
    position: str | None
    decided_by: str | None
    again_in: int | None
    raw: str | None
    erased: bool


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody says of rows of a batch, and why."""

    kind: str  # of `EVENTS`
    run_id: int
    reason: str
    by: str


async def known(connection: Connection, run_id: int | None = None) -> list[Batch]:
    """Return all batches, the newest first, or one of them."""
    return [Batch(**row) for row in await fetch(connection, "batches/known", {"run_id": run_id})]


async def rows(connection: Connection, run_id: int, *, with_raw: bool = False) -> list[StagedRow]:
    """Return the rows of a batch in order of staging."""
    found = await fetch(connection, "staging/rows", {"run_id": run_id, "with_raw": with_raw})
    return [StagedRow(**row) for row in found]


async def lock(connection: Connection, run_id: int, ids: Sequence[int]) -> list[int]:
    """Lock those of these rows of which nothing has come yet, or no more."""
    return [
        row["staged_id"] for row in await fetch(connection, "staging/lock_rows", {"run_id": run_id, "ids": list(ids)})
    ]


async def copy(connection: Connection, order: Order, ids: Sequence[int], *, again_in: int) -> dict[int, int]:
    """Stage rows once more, in the run that takes them up. Returns the new number of each."""
    given = {"run_id": order.run_id, "ids": list(ids), "again_in": again_in, "by": order.by}
    return {row["copy_of"]: row["staged_id"] for row in await fetch(connection, "staging/copy", given)}


async def reject(connection: Connection, order: Order, ids: Sequence[int]) -> int:
    """Reject rows with the order's reason. Returns how many."""
    errors = [{"rule": REJECTED, "field": "", "message": order.reason}]
    given = {"run_id": order.run_id, "ids": list(ids), "by": order.by, "errors": dumps(errors).decode()}
    with users_data(connection):
        return len(await fetch(connection, "staging/reject", given))


async def stager(connection: Connection, run_id: int) -> int:
    """Return the interaction that has staged the rows which a run takes up."""
    return int((await fetch(connection, "staging/stager", {"run_id": run_id}))[0]["interaction_id"])


async def judge_again(connection: Connection, run_id: int) -> None:
    """Have a run judged once more that has failed only because rows were not decided on, if all of them are now."""
    await fetch(connection, "staging/judge_again", {"run_id": run_id})


async def tell(connection: Connection, order: Order, counts: Mapping[str, int], *, again_in: int | None = None) -> None:
    """Keep an order with its reason, and note it; `counts` has at least how many `rows` it is about."""
    nonce = os.urandom(32)
    kept = {"run_id": order.run_id, "kind": order.kind, "reason": order.reason, "nonce": nonce, "by": order.by}
    await fetch(connection, "staging_orders/add", {**kept, "rows": counts["rows"], "again_in": again_in})
    data: dict[str, Any] = {"by": order.by, "reason": commitment(nonce, order.reason.encode()), **counts}
    if again_in is not None:
        data["run"] = again_in
    await events.append(connection, EVENTS[order.kind], data, run_id=order.run_id)


def read(raw: str | None) -> Any:
    """Return what came as a row, as JSON; None where it is erased."""
    return None if raw is None else json.loads(raw)
