"""From prepared items to started ones: what would go beyond a limit stops or waits here, before any call.

An attempt is charged in the transaction that starts it, so that no kill can make it forgotten.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wave_runner.core.limits import RUN, Short, Spent, UsedUp, begun, short_of, used_up
from wave_runner.core.outcome import Breach
from wave_runner.core.pinned import cost_of, most_used
from wave_runner.core.rates import booking, wait_s
from wave_runner.runner.prepare import Ready, Stopped
from wave_runner.runner.record import quarantine
from wave_runner.store import accounts, interactions, ledger, spending
from wave_runner.store.accounts import Limited
from wave_runner.store.database import Connection, Database
from wave_runner.store.waves import Item, Wave

log = logging.getLogger("wave_runner.runner")


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What has started, and is still ours. `stopped` were quarantined instead; with `wait_s` nothing has begun yet.

    `short`: some have to wait until calls under way give back what they have reserved of their run's budget.
    """

    started: tuple[Ready, ...] = ()
    stopped: int = 0
    wait_s: float = 0.0
    short: bool = False


@dataclass(kw_only=True)
class Charged:
    """What became of a wave's items when they were charged: those that may start, and why the others may not."""

    going: list[Ready] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)
    short: list[Ready] = field(default_factory=list)  # their run's budget does not suffice


async def begin(database: Database, wave: Wave, ready: Sequence[Ready], limited: Sequence[Limited] = ()) -> Begun:
    """Start items, all of them or none. `limited` are those whose accounts they are charged to, one item at a time.

    Items of a run whose budget does not suffice are not begun, and the run is paused. If it only does not suffice as
    long as other calls are under way, they have to wait.
    """
    async with database.transaction(by_key=True) as connection:
        if limited and (wait := wait_s(await accounts.lock(connection, limited))):
            return Begun(wait_s=wait)
        charged = await charge(connection, ready)
        mine = await start(connection, wave, charged.going)
        await ledger.reserve(connection, [(one.item, _most(one)) for one in mine if one.calls_model])
        for one in mine if limited else ():
            tokens = tokens_granted(one)
            await accounts.book(connection, [(of, booking(of.rate, tokens=tokens)) for of in limited])
    stopped = await quarantine(database, wave, charged.stopped)
    runs = {one.item.run_id: one for one in charged.short}.values()
    waits = [one for one in runs if not await pause_if_exceeded(database, one)]
    return Begun(started=mine, stopped=stopped, short=bool(waits))


async def start(connection: Connection, wave: Wave, going: Sequence[Ready], *, last: bool = False) -> tuple[Ready, ...]:
    """Start items that have been charged. Returns those that were still ours. `last`: the transaction may end."""
    if not going:
        return ()
    started = await interactions.start(connection, wave, [one.start() for one in going], last=last)
    return tuple(one for one in going if one.item.interaction_id in started)


def tokens_granted(ready: Ready) -> int:
    """Return the tokens that an item is granted when it starts; what it does not use is given back."""
    return _most(ready).tokens


def _most(ready: Ready) -> Spent:
    return cost_of(ready.step.pinned, most_used(ready.step.pinned, ready.prompt, ready.step.schema))


async def pause_if_exceeded(database: Database, one: Ready) -> bool:
    """Pause the run of an item whose call would not fit if everything under way gave back what it has reserved.

    That is looked at once more: somebody may have granted more meanwhile. False if the call fits, or will.
    """
    run_id = one.item.run_id
    async with database.transaction() as connection:
        short = (await _open_books(connection, [one])).short_of(one)
        if short is None or short.passes:
            return False
        paused = await ledger.exceed(connection, run_id, short)
    if paused:
        hint = "how to raise it: wave resume --help"
        log.warning("run %s is paused: %s; %s", run_id, short.message, hint, extra={"run_id": run_id})
    return True


async def charge(connection: Connection, ready: Sequence[Ready]) -> Charged:
    """Charge each item's attempt, in order, as long as there is room."""
    counted = [one for one in ready if one.step.pinned.limits]
    charged = Charged(going=[one for one in ready if not one.step.pinned.limits])
    if not counted:
        return charged
    books = await _open_books(connection, counted)
    for one in counted:
        if found := books.used_up(one):
            breach = Breach(rule=found.rule, message=found.message)
            charged.stopped.append(Stopped(item=one.item, step=one.step, breach=breach))
        elif books.short_of(one):
            charged.short.append(one)
        else:
            charged.going.append(one)
            books.charge(one)
    await spending.add(connection, books.costs)
    return charged


@dataclass(kw_only=True)
class Books:
    """How records and runs stand, locked until the transaction ends, and what is charged to them in it."""

    used: dict[spending.Key, Spent]
    budgets: dict[int, ledger.Budget]  # by run
    depths: dict[int, int]  # by interaction
    costs: list[tuple[Item, Spent]] = field(default_factory=list)

    def used_up(self, one: Ready) -> UsedUp | None:
        """Return the limit that leaves no room for an item's attempt."""
        return used_up(
            one.step.pinned.limits,
            {scope: self.used[key] for scope, key in spending.keys_of(one.item).items()},
            attempt=one.attempt,
            calls_model=one.calls_model,
            depth=self.depths.get(one.item.interaction_id, 0),
        )

    def short_of(self, one: Ready) -> Short | None:
        """Return the budget of the run that does not suffice for an item's call."""
        budget = self.budgets.get(one.item.run_id)
        if budget is None or not one.calls_model:
            return None
        return short_of(
            one.step.pinned.limits,
            self.used[spending.keys_of(one.item)[RUN]],
            reserved=budget.reserved,
            granted=budget.granted,
            asked=_most(one),
        )

    def charge(self, one: Ready) -> None:
        """Count an item's attempt in, and what is reserved for its call."""
        cost = begun(attempt=one.attempt, calls_model=one.calls_model)
        self.costs.append((one.item, cost))
        for key in spending.keys_of(one.item).values():
            self.used[key] = self.used[key].plus(cost)
        if one.calls_model and (budget := self.budgets.get(one.item.run_id)):
            self.budgets[one.item.run_id] = replace(budget, reserved=budget.reserved.plus(_most(one)))


async def _open_books(connection: Connection, ready: Sequence[Ready]) -> Books:
    deep = [one.item for one in ready if one.step.pinned.limits.chain_depth]
    depths = await spending.depths(connection, deep) if deep else {}
    used = await spending.lock(connection, [one.item for one in ready])
    run_ids = {one.item.run_id for one in ready if one.step.pinned.limits.has_budget}
    budgets = await ledger.stand(connection, sorted(run_ids)) if run_ids else {}
    return Books(used=used, budgets=budgets, depths=depths)
