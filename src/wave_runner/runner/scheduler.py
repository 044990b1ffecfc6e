"""The loop that starts runs by the clock: the database's, whichever runner comes first."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from wave_runner.core.due import decide
from wave_runner.core.workflow import ScheduleSpec
from wave_runner.store import runs, schedules
from wave_runner.store.database import Connection, Database
from wave_runner.store.schedules import Locked

log = logging.getLogger("wave_runner.runner")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The run that this host's folder would start for a schedule."""

    spec: ScheduleSpec
    run: runs.NewRun


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """This host's folder can start nothing for a schedule, for a reason that an event may hold."""

    reason: str  # "drifted" | "folder_unreadable" | "objected" | "query_refused"
    message: str  # for the log


class Scheduler:
    """Runs in every runner. A time is fired in one transaction with its run: it is started once, or not at all."""

    def __init__(
        self,
        database: Database,
        *,
        runner_id: UUID,
        plan: Callable[[str], Awaitable[Plan | Blocked | None]],
        wake_lanes: Callable[[], None],
    ) -> None:
        self._database = database
        self._runner_id = runner_id
        self._plan = plan
        self._wake_lanes = wake_lanes

    async def one_pass(self) -> bool:
        """Deal with every schedule that is due, one time of each. True if one was fired: more may have come due."""
        fired = False
        for name in await schedules.due(self._database):
            fired = await self._deal_with(name) or fired
        if fired:
            self._wake_lanes()
        return fired

    async def _deal_with(self, name: str) -> bool:
        plan = await self._plan(name)
        if plan is None:
            return False  # another host's folder has it, and ours does not
        async with self._database.transaction() as connection:
            locked = await schedules.lock(connection, name)
            if locked is None:
                return False
            if isinstance(plan, Blocked):
                if await schedules.block(connection, locked, plan.reason, self._runner_id):
                    log.warning("schedule %s is due and not fired: %s", name, plan.message)
                return False
            # A folder that says other times than the database has been changed since: it is compared before long.
            same = (locked.cron, locked.timezone) == (plan.spec.cron, plan.spec.timezone)
            return same and await self._fire(connection, locked, plan.spec, plan.run)

    async def _fire(self, connection: Connection, locked: Locked, spec: ScheduleSpec, run: runs.NewRun) -> bool:
        due = decide(spec.cron, ZoneInfo(spec.timezone), spec.catch_up, next_at=locked.next_at, now=locked.now)
        fires = due.fire is not None and not await schedules.is_fired(connection, locked.name, due.fire)
        if due.fire is not None and fires:
            run_id = await runs.create(connection, run, runner_id=self._runner_id)
            await schedules.record_firing(connection, locked, due.fire, run_id, self._runner_id)
            log.info("schedule %s: run %s of %s", locked.name, run_id, run.workflow, extra={"run_id": run_id})
        if due.missed is not None:
            log.warning("schedule %s: %s times were missed", locked.name, due.missed.count)
            await schedules.record_missed(connection, locked.name, due.missed, self._runner_id)
        await schedules.advance(connection, locked.name, due.next_at)
        return fires
