"""From prepared items to started ones: what would go beyond a limit stops or waits here, before any call.

An attempt is charged in the transaction that starts it, so that no kill can make it forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.core.limits import begun, used_up
from wave_runner.core.outcome import Breach
from wave_runner.core.pinned import most_tokens
from wave_runner.core.rates import booking, wait_s
from wave_runner.runner.prepare import Ready, Stopped
from wave_runner.runner.record import quarantine
from wave_runner.store import accounts, interactions, spending
from wave_runner.store.accounts import Limited
from wave_runner.store.database import Connection, Database
from wave_runner.store.waves import Wave


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What has started, and is still ours. `stopped` were quarantined instead; with `wait_s` nothing has begun yet."""

    started: tuple[Ready, ...] = ()
    stopped: int = 0
    wait_s: float = 0.0


async def begin(database: Database, wave: Wave, ready: Sequence[Ready], limited: Sequence[Limited] = ()) -> Begun:
    """Start items, all of them or none. `limited` are those whose accounts they are charged to, one item at a time."""
    async with database.transaction() as connection:
        if limited and (wait := wait_s(await accounts.lock(connection, limited))):
            return Begun(wait_s=wait)
        stopped = await _charge(connection, [one for one in ready if one.step.pinned.limits])
        over = {one.item.interaction_id for one in stopped}
        going = [one for one in ready if one.item.interaction_id not in over]
        started = await interactions.start(connection, wave, [one.start() for one in going]) if going else set()
        mine = tuple(one for one in going if one.item.interaction_id in started)
        for one in mine:
            tokens = tokens_granted(one)
            await accounts.book(connection, [(of, booking(of.rate, tokens=tokens)) for of in limited])
    return Begun(started=mine, stopped=await quarantine(database, wave, stopped))


def tokens_granted(ready: Ready) -> int:
    """Return the tokens that an item is granted when it starts; what it does not use is given back."""
    usage = most_tokens(ready.step.pinned, ready.prompt)
    return usage.tokens_in + usage.tokens_out


async def _charge(connection: Connection, ready: Sequence[Ready]) -> list[Stopped]:
    """Charge each item's attempt, in order; return those that have no room left."""
    if not ready:
        return []
    deep = [one.item for one in ready if one.step.pinned.limits.chain_depth]
    depths = await spending.depths(connection, deep) if deep else {}
    used = await spending.lock(connection, [one.item for one in ready])
    stopped, charged = [], []
    for one in ready:
        calls_model = one.step.pinned.model is not None
        keys = spending.keys_of(one.item)
        found = used_up(
            one.step.pinned.limits,
            {scope: used[key] for scope, key in keys.items()},
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
            used[key] = used[key].plus(cost)
    await spending.add(connection, charged)
    return stopped
