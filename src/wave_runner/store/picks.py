"""Picks: interactions of a run that a person has picked from a list, and what they have ordered about exactly these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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
LOOKS = {Order.RETRY: "picks/look_retry", Order.CANCEL: "picks/look_cancel", Order.DECIDE: "picks/look_decide"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A pick that was just made, of `total` interactions."""

    pick_id: int
    total: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A pick, and the order that was given about it: None as long as none was. `done` is how many it has changed.

    `answer_sha256` is of what an order to decide answers to each.
    """

    pick_id: int
    run_id: int
    person: str
    workflow: str
    expires_at: datetime
    expired: bool
    kind: Order | None
    reason: str | None
    reason_nonce: bytes | None
    answer_sha256: bytes | None
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
    row = rows[0]
    kind = Order(row["kind"]) if row["kind"] else None
    hashes = {name: None if row[name] is None else bytes(row[name]) for name in ("reason_nonce", "answer_sha256")}
    return Pick(**{**row, **hashes, "kind": kind})


async def look(connection: Connection, pick: Pick, order: Order) -> list[PickPart]:
    """Return what is picked, and of what of it the order can be."""
    rows = await fetch(connection, LOOKS[order], _of(pick))
    return [PickPart(**row) for row in rows]


async def size(connection: Connection, pick: Pick) -> int:
    """Return how many interactions there are in a pick; of an order, about how many it has still to be carried out."""
    return int((await fetch(connection, "picks/size", {"pick_id": pick.pick_id}))[0]["n"])


async def results(connection: Connection, pick: Pick) -> dict[str, frozenset[int]]:
    """Return what is picked and has not changed since, by step."""
    rows = await fetch(connection, "picks/results", _of(pick))
    return {row["step"]: frozenset(row["ids"]) for row in rows}


async def tasks(connection: Connection, pick: Pick) -> list[int]:
    """Return the picked tasks that its maker can answer all at once, and that have not changed since."""
    return [row["interaction_id"] for row in await fetch(connection, "picks/tasks", _of(pick))]


async def order(
    connection: Connection, pick: Pick, order: Order, *, reason: str, nonce: bytes, answer_sha256: bytes | None = None
) -> None:
    """Note what is ordered, in the caller's transaction, which holds the pick's lock."""
    given = {"pick_id": pick.pick_id, "kind": order, "reason": reason, "nonce": nonce, "answer_sha256": answer_sha256}
    await fetch(connection, "picks/order", given)


async def carry_out(connection: Connection, pick: Pick, *, by: str, run_flow: FlowOf, size: int = CHUNK) -> int | None:
    """Carry out an order about the next `size`; return how many were changed, or None where nothing was left.

    What is not as it was picked any more is left alone.
    """
    assert pick.kind in _ACTS
    if not (taken := await _take(connection, pick, size)):
        return None
    n = await _ACTS[pick.kind](connection, pick, taken, by=by, run_flow=run_flow)
    await _add(connection, pick, n)
    return n


async def decide_next(connection: Connection, pick: Pick, decide: Callable[[int], Awaitable[bool]]) -> int | None:
    """Let `decide` answer the next task of an order to decide; return how many it was, or None where none was left.

    It is given a task that is as it was picked, with its locks held, and says whether it has.
    """
    assert pick.kind is Order.DECIDE
    if not (taken := await _take(connection, pick, 1)):
        return None
    done = [await decide(task) for task in await _held(connection, pick, taken)]
    await _add(connection, pick, sum(done))
    return sum(done)


def _of(pick: Pick) -> dict[str, Any]:
    return {"pick_id": pick.pick_id, "run_id": pick.run_id, "person": pick.person}


async def _take(connection: Connection, pick: Pick, size: int) -> list[Row]:
    return await fetch(connection, "picks/take", {"pick_id": pick.pick_id, "run_id": pick.run_id, "size": size})


async def _add(connection: Connection, pick: Pick, n: int) -> None:
    await fetch(connection, "picks/add_done", {"pick_id": pick.pick_id, "n": n})


async def _held(connection: Connection, pick: Pick, taken: list[Row]) -> list[int]:
    """Lock those that are as they were picked and have not ended, tasks first as whoever decides does."""
    chosen = {"ids": [row["interaction_id"] for row in taken], "seqs": [row["seq"] for row in taken]}
    await fetch(connection, "picks/lock_tasks", {"run_id": pick.run_id, "ids": chosen["ids"]})
    return [row["interaction_id"] for row in await fetch(connection, "picks/hold", {**chosen, "run_id": pick.run_id})]


async def _retry(connection: Connection, pick: Pick, taken: list[Row], *, by: str, run_flow: FlowOf) -> int:
    rows = [row for row in taken if not row["of_people"]]  # they are asked again by other means
    return await control.retry_these(connection, rows, said=pick.said(by), run_flow=run_flow) if rows else 0


async def _cancel(connection: Connection, pick: Pick, taken: list[Row], *, by: str, run_flow: FlowOf) -> int:
    held = await _held(connection, pick, taken)
    if not held:
        return 0
    await fetch(connection, "picks/withdraw", {"run_id": pick.run_id, "ids": held})
    said = pick.said(by)
    return await control.cancel_these(connection, pick.run_id, held, by=by, said=said, run_flow=run_flow)


_ACTS = {Order.RETRY: _retry, Order.CANCEL: _cancel}
