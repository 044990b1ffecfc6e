"""From prepared items to started ones: what would go beyond a limit of its workflow stops here, before any call."""

from __future__ import annotations

from collections.abc import Sequence

from wave_runner.core.limits import begun, used_up
from wave_runner.core.outcome import Breach
from wave_runner.runner.prepare import Ready, Stopped
from wave_runner.runner.record import quarantine
from wave_runner.store import interactions, spending
from wave_runner.store.database import Connection, Database
from wave_runner.store.waves import Wave


async def begin(database: Database, wave: Wave, ready: Sequence[Ready]) -> tuple[list[Ready], int]:
    """Start items. Returns those that are still ours and may be done, and how many were quarantined instead.

    An attempt is charged in the transaction that starts it, so that no kill can make it forgotten.
    """
    async with database.transaction() as connection:
        stopped = await _charge(connection, [one for one in ready if one.step.pinned.limits])
        over = {one.item.interaction_id for one in stopped}
        going = [one for one in ready if one.item.interaction_id not in over]
        started = await interactions.start(connection, wave, [one.start() for one in going]) if going else set()
    done = await quarantine(database, wave, stopped)
    return [one for one in going if one.item.interaction_id in started], done


async def _charge(connection: Connection, ready: Sequence[Ready]) -> list[Stopped]:
    """Charge each item's attempt, in order; return those that have no room left."""
    if not ready:
        return []
    deep = [one.item for one in ready if one.step.pinned.limits.chain_depth]
    depths = await spending.depths(connection, deep) if deep else {}
    accounts = await spending.lock(connection, [one.item for one in ready])
    stopped, charged = [], []
    for one in ready:
        calls_model = one.step.pinned.model is not None
        keys = spending.keys_of(one.item)
        found = used_up(
            one.step.pinned.limits,
            {scope: accounts[key] for scope, key in keys.items()},
            attempt=one.attempt,
            calls_model=calls_model,
            depth=depths.get(one.item.interaction_id, 0),
        )
        if found is not None:
            breach = Breach(rule=found.rule, message=found.message)
            stopped.append(Stopped(item=one.item, step=one.step, breach=breach))
            continue
        cost = begun(attempt=one.attempt, calls_model=calls_model)
        charged.append((one.item, cost))
        for key in keys.values():
            accounts[key] = accounts[key].plus(cost)
    await spending.add(connection, charged)
    return stopped
