"""What somebody says of work under way: pause it, let it go on, drain it, cancel it. Works with or without a runner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wave_runner.core.control import Subject, Told
from wave_runner.core.interaction import State
from wave_runner.core.limits import BUDGETS, RUN, Spent
from wave_runner.core.marks import Expect, mark_of, surprise
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.pinned import read_step
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.runner.steps import Steps
from wave_runner.store import control, ledger, runs
from wave_runner.store.control import Broken, Filter, Scope, Unfinished
from wave_runner.store.database import Connection, Database
from wave_runner.store.reports import run_definition

LOOK_S = 0.25
NO_LIMIT = float("inf")
NOTHING = Spent()


@dataclass(kw_only=True)
class Orders:
    """Orders of one person. Raises `NotFoundError` for a name that is not there."""

    database: Database
    steps: Steps
    by: str

    async def pause(self, subject: Subject, name: str) -> bool:
        """Let nothing more of it be begun; what is in hand is finished. False if that is so already."""
        if subject is Subject.RUNNER:
            return await self._tell(name, Told.PAUSE)
        await self._known(subject, name)
        async with self.database.transaction() as connection:
            return await control.pause(connection, subject, name, by=self.by)

    async def resume(self, subject: Subject, name: str, *, more: Spent = NOTHING) -> bool:
        """Let it go on, a run with `more` tokens and money than its limits say. False if it was not paused."""
        if subject is Subject.RUNNER:
            return await self._tell(name, Told.WORK)
        await self._known(subject, name)
        async with self.database.transaction() as connection:
            if more != NOTHING:
                await self._grant(connection, int(name), more)
            return await control.resume(connection, subject, name, by=self.by)

    async def held_by_workflow(self, run_id: int) -> str:
        """Return the workflow that holds a run because it is paused itself; "" where none does."""
        state = await runs.state(self.database, run_id)
        return str(state["workflow"]) if state is not None and state["workflow_paused"] else ""

    async def _grant(self, connection: Connection, run_id: int, more: Spent) -> None:
        limits = read_step((await run_definition(connection, run_id))[0]).limits
        for budget in BUDGETS:
            if getattr(more, budget) and budget not in limits.run:
                raise ConflictError(
                    f"run {run_id} has no limit on {budget}: its workflow names no {budget}_per_{RUN}",
                    hint=f"without more {budget}: wave resume run {run_id}",
                )
        await ledger.grant(connection, run_id, more, by=self.by)

    async def drain(self, subject: Subject, name: str, *, patience_s: float = NO_LIMIT) -> int:
        """Pause it and wait until nothing of it is in hand; a runner ends then. Returns how much still is."""
        if subject is Subject.RUNNER:
            await self._tell(name, Told.DRAIN)
        else:
            await self.pause(subject, name)
        deadline = time.monotonic() + patience_s
        while True:
            left = await self._in_hand(subject, name)
            if not left or time.monotonic() > deadline:
                return left
            await asyncio.sleep(LOOK_S)

    async def unfinished(self, subject: Subject, name: str) -> list[Unfinished]:
        """Return what `cancel` would end."""
        await self._known(subject, name)
        async with self.database.snapshot() as connection:
            return await control.unfinished(connection, await control.scope(connection, subject, name))

    async def cancel(self, subject: Subject, name: str, *, expect: int | None = None) -> int:
        """End everything of it that is not finished; a runner is stopped, and its work goes back to the others.

        Returns how many interactions were cancelled. Raises `ConflictError` where `expect` is another number than what
        is there at this moment; then nothing has changed.
        """
        if subject is Subject.RUNNER:
            await self._tell(name, Told.STOP)
            return 0
        await self._known(subject, name)
        async with self.database.transaction() as connection:
            scope = await control.scope(connection, subject, name)
            there = sum(one.n for one in await control.unfinished(connection, scope))
            if expect is not None and there != expect:
                raise ConflictError(
                    f"{there} interactions of {subject} {name} are not finished, and {expect} were expected",
                    hint=f"look again: wave cancel {subject} {name}",
                )
            if subject is not Subject.ACTOR:  # an actor's runs go on without its steps
                await control.cancel_runs(connection, scope.run_ids, by=self.by)
        return await self.cancel_all(scope)

    async def cancel_all(self, scope: Scope) -> int:
        """Cancel until nothing is left: what somebody was just claiming or recording is there again a moment later."""
        total = 0
        while True:
            total += await control.cancel(self.database, scope, by=self.by, run_flow=self.steps.run_flow)
            async with self.database.transaction() as connection:
                left = await control.unfinished(connection, scope)
            if all(one.state == State.BLOCKED for one in left):  # these go with what they wait for
                return total
            await asyncio.sleep(LOOK_S)

    async def retryable(self, subject: Subject, name: str, which: Filter) -> list[Broken]:
        """Return what `retry` would try again."""
        async with self.database.snapshot() as connection:
            return await control.retryable(connection, await self._retry_scope(connection, subject, name, which), which)

    async def retry(self, subject: Subject, name: str, which: Filter, *, expect: Expect = None) -> int:
        """Try again what has failed or was quarantined, with fresh budgets. Returns how much.

        Raises `ConflictError` where that is not what is expected at this moment.
        """

        def judge(found: Sequence[Broken]) -> None:
            there = sum(one.n for one in found)
            can_be = f"interactions of {subject} {name} can be tried again"
            if said := surprise(expect, there=there, marked=mark_of(found), said=can_be):
                raise ConflictError(said, hint="look again: the same command without --yes")

        async with self.database.transaction() as connection:
            scope = await self._retry_scope(connection, subject, name, which)
            found = await control.retryable(connection, scope, which)
        scope = replace(scope, run_ids=tuple(sorted({one.run_id for one in found})))  # the others are left in peace
        return await control.retry(self.database, scope, which, by=self.by, run_flow=self.steps.run_flow, judge=judge)

    async def _retry_scope(self, connection: Connection, subject: Subject, name: str, which: Filter) -> Scope:
        scope = await control.retry_scope(connection, subject, name, which)
        if not scope.run_step_ids:
            of = f" with a step {which.step}" if which.step else ""
            raise NotFoundError(
                f"there is no {subject} {name}{of} of which anything could be tried again",
                hint="what was cancelled stays so, and people are asked again by a new run",
            )
        return scope

    async def _in_hand(self, subject: Subject, name: str) -> int:
        if subject is Subject.RUNNER:
            async with self.database.transaction() as connection:
                return int(name in await control.known(connection, subject))
        async with self.database.transaction() as connection:
            scope: Scope = await control.scope(connection, subject, name)
        return await control.held(self.database, scope)

    async def _tell(self, runner: str, told: Told) -> bool:
        await self._known(Subject.RUNNER, runner)
        async with self.database.transaction() as connection:
            return await control.tell(connection, runner, told, by=self.by)

    async def _known(self, subject: Subject, name: str) -> None:
        async with self.database.transaction() as connection:
            names = await control.known(connection, subject)
        if name not in names:
            ended = " that has not ended" if subject in (Subject.RUN, Subject.RUNNER) else ""
            raise NotFoundError(f"there is no {subject} {name}{ended}", hint=did_you_mean(name, names))
