"""The ledger: what is reserved of a run's budget before each call, what the call has used, and who has granted more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wave_runner.core.control import Subject
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


async def stand(connection: Connection, run_ids: Sequence[int]) -> dict[int, Budget]:
    """Return how budgets stand. They must be locked (`spending.lock`), or others reserve meanwhile."""
    rows = await fetch(connection, "ledger/stand", {"run_ids": list(run_ids)})
    return {
        row["run_id"]: Budget(
            reserved=Spent(tokens=row["tokens"], money=row["money"]),
            granted=Spent(tokens=row["more_tokens"], money=row["more_money"]),
        )
        for row in rows
    }


async def reserve(connection: Connection, calls: Iterable[tuple[Item, Spent]]) -> None:
    """Write down the most that calls may use, in the transaction that starts them."""
    if parameters := _columns(calls):
        await fetch(connection, "ledger/reserve", parameters)


async def settle(connection: Connection, calls: Iterable[tuple[Item, Spent]]) -> None:
    """Write down what calls have used, in the transaction that records them; only what was reserved counts."""
    if parameters := _columns(calls):
        await fetch(connection, "ledger/settle", parameters)


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


def _columns(calls: Iterable[tuple[Item, Spent]]) -> dict[str, list[int]]:
    rows = list(calls)
    if not rows:
        return {}
    return {
        "run_ids": [item.run_id for item, _ in rows],
        "ids": [item.interaction_id for item, _ in rows],
        "attempts": [item.attempt + 1 for item, _ in rows],
        "tokens": [spent.tokens for _, spent in rows],
        "money": [spent.money for _, spent in rows],
    }
