"""Picks: interactions of a run that a person has picked from a list, and what they have ordered about exactly these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wave_runner.core.event import commitment
from wave_runner.core.picks import Order
from wave_runner.store import control
from wave_runner.store.database import Connection, Row, fetch
from wave_runner.store.run_flow import FlowOf

LASTS_S = 3600
MOST = 1_000_000
CHUNK = 2000
LOOKS = {Order.RETRY: "picks/look_retry", Order.CANCEL: "picks/look_cancel"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A pick that was just made, of `total` interactions."""

    pick_id: int
    total: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A pick, and the order that was given about it: None as long as none was. `done` is how many it has changed."""

    pick_id: int
    run_id: int
    workflow: str
    expires_at: datetime
    expired: bool
    kind: Order | None
    reason: str | None
    reason_nonce: bytes | None
    done: int

    def said(self, by: str) -> dict[str, str]:
        """Return what each event of the order says of it."""
        assert self.reason is not None
        assert self.reason_nonce is not None
        return {"by": by, "reason": commitment(self.reason_nonce, self.reason.encode())}


@dataclass(frozen=True, kw_only=True)
class PickPart:
    """So many of a pick, in one step and state, and why an order cannot be about them: None where it can.

    `changed`: they are not as they were picked. `which` tells whether they are still the same.
    """

    step: str | None
    state: str | None
    why: str | None
    n: int
    which: str


async def make(connection: Connection, run_id: int, like: Mapping[str, Any], *, ids: list[int], person: str) -> Made:
    """Pick what is like that (`reports/interactions.py`); with `by` "given" those with these ids.

    At most `MOST` and one more. Picks that have expired are gone after this.
    """
    await fetch(connection, "picks/clear")
    given = {**like, "run_id": run_id, "ids": ids, "person": person, "lasts_s": LASTS_S, "most": MOST}
    return Made(**(await fetch(connection, "picks/make", given))[0])


async def find(connection: Connection, pick_id: int, *, person: str, lock: bool = False) -> Pick | None:
    """Return a pick of a person; None where they have none of that number. `lock`: one order at a time is about it."""
    mine = {"pick_id": pick_id, "person": person}
    if lock:
        await fetch(connection, "picks/lock", mine)
    rows = await fetch(connection, "picks/find", mine)
    if not rows:
        return None
    row, nonce = rows[0], rows[0]["reason_nonce"]
    kind = Order(row["kind"]) if row["kind"] else None
    return Pick(**{**row, "kind": kind, "reason_nonce": None if nonce is None else bytes(nonce)})


async def look(connection: Connection, pick: Pick, order: Order) -> list[PickPart]:
    """Return what is picked, and of what of it the order can be."""
    rows = await fetch(connection, LOOKS[order], {"pick_id": pick.pick_id, "run_id": pick.run_id})
    return [PickPart(**row) for row in rows]


async def size(connection: Connection, pick: Pick) -> int:
    """Return how many interactions there are in a pick; of an order, about how many it has still to be carried out."""
    return int((await fetch(connection, "picks/size", {"pick_id": pick.pick_id}))[0]["n"])


async def results(connection: Connection, pick: Pick) -> dict[str, frozenset[int]]:
    """Return what is picked and has not changed since, by step."""
    rows = await fetch(connection, "picks/results", {"pick_id": pick.pick_id, "run_id": pick.run_id})
    return {row["step"]: frozenset(row["ids"]) for row in rows}


async def order(connection: Connection, pick: Pick, order: Order, *, reason: str, nonce: bytes) -> None:
    """Note what is ordered, in the caller's transaction, which holds the pick's lock."""
    given = {"pick_id": pick.pick_id, "kind": order, "reason": reason, "nonce": nonce}
    await fetch(connection, "picks/order", given)


async def carry_out(connection: Connection, pick: Pick, *, by: str, run_flow: FlowOf, size: int = CHUNK) -> int | None:
    """Carry out an order about the next `size`; return how many were changed, or None where nothing was left.

    What is not as it was picked any more is left alone.
    """
    assert pick.kind is not None
    chunk = {"pick_id": pick.pick_id, "run_id": pick.run_id, "size": size}
    if not (taken := await fetch(connection, "picks/take", chunk)):
        return None
    act = _retry if pick.kind is Order.RETRY else _cancel
    n = await act(connection, pick, taken, by=by, run_flow=run_flow)
    await fetch(connection, "picks/add_done", {"pick_id": pick.pick_id, "n": n})
    return n


async def _retry(connection: Connection, pick: Pick, taken: list[Row], *, by: str, run_flow: FlowOf) -> int:
    rows = [row for row in taken if not row["of_people"]]  # they are asked again by other means
    return await control.retry_these(connection, rows, said=pick.said(by), run_flow=run_flow) if rows else 0


async def _cancel(connection: Connection, pick: Pick, taken: list[Row], *, by: str, run_flow: FlowOf) -> int:
    chosen = {"ids": [row["interaction_id"] for row in taken], "seqs": [row["seq"] for row in taken]}
    await fetch(connection, "picks/lock_tasks", {"run_id": pick.run_id, "ids": chosen["ids"]})
    held = [row["interaction_id"] for row in await fetch(connection, "picks/hold", {**chosen, "run_id": pick.run_id})]
    if not held:
        return 0
    await fetch(connection, "picks/withdraw", {"run_id": pick.run_id, "ids": held})
    said = pick.said(by)
    return await control.cancel_these(connection, pick.run_id, held, by=by, said=said, run_flow=run_flow)
