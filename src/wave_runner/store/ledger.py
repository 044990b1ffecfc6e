"""The ledger: what is reserved for each call of a model, what it has used and cost, and who has granted a run more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from wave_runner.core.control import Subject
from wave_runner.core.cost import Entry
from wave_runner.core.event import EventType
from wave_runner.core.limits import Short, Spent
from wave_runner.store import control, events
from wave_runner.store.database import Connection, fetch
from wave_runner.store.waves import Item

EXCEEDED = "budget_exceeded"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How the budget of a run stands besides what it has used: reserved for calls under way, and granted by people."""

    reserved: Spent
    granted: Spent


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that has ended: its item, what it has used and cost, and whether its answer was accepted."""

    item: Item
    entry: Entry
    accepted: bool


async def stand(connection: Connection, run_ids: Sequence[int]) -> dict[int, Budget]:
    """Return how budgets stand. They must be locked (`spending.lock`), or others reserve meanwhile."""
    rows = await fetch(connection, "ledger/stand", {"run_ids": list(run_ids)})
    return {
        row["run_id"]: Budget(
            reserved=Spent(tokens=row["reserved_tokens"], money=row["reserved_money"]),
            granted=Spent(tokens=row["more_tokens"], money=row["more_money"]),
        )
        for row in rows
    }


async def reserve(connection: Connection, calls: Iterable[tuple[Item, Spent]]) -> None:
    """Write down the most that calls may use, in the transaction that starts them."""
    rows = list(calls)
    if not rows:
        return
    given: dict[str, list[Any]] = {
        **_keys([item for item, _ in rows]),
        "run_step_ids": [item.run_step_id for item, _ in rows],
        "record_ids": [item.record_id for item, _ in rows],
        "tokens": [most.tokens for _, most in rows],
        "money": [most.money for _, most in rows],
    }
    await fetch(connection, "ledger/reserve", given)


async def settle(connection: Connection, calls: Sequence[Call]) -> set[int]:
    """Write down what calls have used, in the transaction that records them. Returns whose were settled by it."""
    if not calls:
        return set()
    given: dict[str, list[Any]] = {
        **_keys([call.item for call in calls]),
        "accepted": [call.accepted for call in calls],
        **{one.name: [getattr(call.entry, one.name) for call in calls] for one in fields(Entry)},
    }
    return {row["interaction_id"] for row in await fetch(connection, "ledger/settle", given)}


async def exceed(connection: Connection, run_id: int, short: Short) -> bool:
    """Pause a run whose budget does not suffice for its next call. False if it is paused already."""
    paused = await control.pause(connection, Subject.RUN, str(run_id), by=f"{EXCEEDED} ({short.name})")
    if paused:
        data = {"limit": short.name, "most": short.most, "used": short.used, "asked": short.asked}
        await events.append(connection, EventType.BUDGET_EXCEEDED, data, run_id=run_id)
        await fetch(connection, "alerts/raise", {"run_id": run_id, "kind": EXCEEDED, "message": short.message})
    return paused


async def grant(connection: Connection, run_id: int, more: Spent, *, by: str) -> None:
    """Let a run use more tokens and money than its limits say."""
    await fetch(connection, "ledger/grant", {"run_id": run_id, "tokens": more.tokens, "money": more.money})
    await fetch(connection, "alerts/withdraw", {"run_id": run_id, "kind": EXCEEDED})
    data = {"tokens": more.tokens, "money": more.money, "by": by}
    await events.append(connection, EventType.BUDGET_RAISED, data, run_id=run_id)


def _keys(items: Sequence[Item]) -> dict[str, list[int]]:
    return {
        "run_ids": [item.run_id for item in items],
        "ids": [item.interaction_id for item in items],
        "attempts": [item.attempt + 1 for item in items],
    }
