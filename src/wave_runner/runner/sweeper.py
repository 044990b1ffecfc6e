"""The loop that finds what others lost: lost waves go back, delayed work becomes due, late tasks move."""

from __future__ import annotations

import logging
import time
from uuid import UUID

from wave_runner.core.control import Subject
from wave_runner.core.patience import waited_too_long
from wave_runner.runner.hold import Holder
from wave_runner.runner.prepare import overdue
from wave_runner.runner.record import quarantine
from wave_runner.runner.steps import Steps
from wave_runner.store import control, interactions, runs, tasks, waves
from wave_runner.store.database import Database

log = logging.getLogger("wave_runner.runner")


OVERDUE_AT_ONCE = 200
TIME_IS_UP = "the time limit of its workflow"


class Sweeper:
    """Runs in every runner; row locks see to it that each wave is swept once."""

    def __init__(self, database: Database, *, runner_id: UUID, lease_s: float, steps: Steps, holder: Holder) -> None:
        self._database = database
        self._holder = holder
        self._steps = steps
        self._runner_id = runner_id
        self._lease_s = lease_s
        self._seen_at = -lease_s  # as after a gap: a sweeper that starts has seen nothing yet
        self._steady_since = 0.0

    async def one_pass(self) -> bool:
        """Give back lost work, release what has become due, move overdue tasks. Always pauses afterwards."""
        await runs.release_delayed(self._database)
        await control.park(self._database)
        await self._end_overdue_runs()
        await self._stop_overdue()
        await tasks.escalate(self._database, runner_id=self._runner_id)
        if not self._is_steady(time.monotonic()):
            return False
        async with self._database.transaction() as connection:
            for expired in await waves.expire(connection, lease_s=self._lease_s):
                begun = await interactions.reclaim(
                    connection, expired, runner_id=self._runner_id, run_flow=self._steps.run_flow
                )
                message = "wave %s: its lease ran out; %s interactions that had begun go back"
                log.warning(message, expired.wave_id, begun, extra={"wave_id": expired.wave_id})
        return False

    async def _end_overdue_runs(self) -> None:
        """Let runs end whose time is up."""
        async with self._database.transaction() as connection:
            if overdue := await control.overdue_runs(connection):
                await control.cancel_runs(connection, overdue, by=TIME_IS_UP)

    async def _stop_overdue(self) -> None:
        """Quarantine what has waited longer than its step allows, whatever it waits for."""
        while (wave := await self._holder.claim_overdue(size=OVERDUE_AT_ONCE)) is not None:
            await self._holder.work(wave, self._stop, deadline_s=self._lease_s)

    async def _stop(self, wave: waves.Wave) -> int:
        steps = await self._steps.get([item.run_step_id for item in wave.items])
        stopped = []
        for item in wave.items:
            step = steps[item.run_step_id]
            if said := waited_too_long(step.pinned.patience, age_s=item.age_s, attempt=item.attempt):
                stopped.append(overdue(item, step, said))
        return await quarantine(self._database, wave, stopped)

    async def cancel(self) -> bool:
        """Go on with what somebody has begun to cancel: a pass of its own, so that no lost work waits for it."""
        for run_id, by in await control.cancelled_runs(self._database):
            async with self._database.transaction() as connection:
                scope = await control.scope(connection, Subject.RUN, str(run_id))
            await control.cancel(self._database, scope, by=by, run_flow=self._steps.run_flow, runner_id=self._runner_id)
        return False

    def _is_steady(self, now: float) -> bool:
        """Say whether we have been in touch with the database for a lease without a gap.

        After a gap others may have had one too: each gets one lease to renew before anything is taken from it.
        """
        if now - self._seen_at > self._lease_s / 2:
            self._steady_since = now
        self._seen_at = now
        return now - self._steady_since >= self._lease_s
