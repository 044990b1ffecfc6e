"""The loop that finds what others lost: lost waves go back, delayed work becomes due, late tasks move."""

from __future__ import annotations

import logging
import time
from uuid import UUID

from wave_runner.core.control import Subject
from wave_runner.runner.steps import Steps
from wave_runner.store import control, interactions, runs, tasks, waves
from wave_runner.store.database import Database

log = logging.getLogger("wave_runner.runner")


class Sweeper:
    """Runs in every runner; row locks see to it that each wave is swept once."""

    def __init__(self, database: Database, *, runner_id: UUID, lease_s: float, steps: Steps) -> None:
        self._database = database
        self._steps = steps
        self._runner_id = runner_id
        self._lease_s = lease_s
        self._seen_at = -lease_s  # as after a gap: a sweeper that starts has seen nothing yet
        self._steady_since = 0.0

    async def one_pass(self) -> bool:
        """Give back lost work, release what has become due, move overdue tasks. Always pauses afterwards."""
        await runs.release_delayed(self._database)
        await control.park(self._database)
        await self._cancel()
        await tasks.escalate(self._database, runner_id=self._runner_id)
        if not self._is_steady(time.monotonic()):
            return False
        async with self._database.transaction() as connection:
            for expired in await waves.expire(connection, lease_s=self._lease_s):
                begun = await interactions.reclaim(
                    connection, expired, runner_id=self._runner_id, run_flow=self._steps.run_flow
                )
                log.warning(
                    "wave %s: its lease ran out; %s interactions that had begun go back", expired.wave_id, begun
                )
        return False

    async def _cancel(self) -> None:
        """Go on with what somebody has begun to cancel."""
        for run_id, by in await control.cancelled_runs(self._database):
            async with self._database.transaction() as connection:
                scope = await control.scope(connection, Subject.RUN, str(run_id))
            await control.cancel(self._database, scope, by=by, run_flow=self._steps.run_flow, runner_id=self._runner_id)

    def _is_steady(self, now: float) -> bool:
        """Say whether we have been in touch with the database for a lease without a gap.

        After a gap others may have had one too: each gets one lease to renew before anything is taken from it.
        """
        if now - self._seen_at > self._lease_s / 2:
            self._steady_since = now
        self._seen_at = now
        return now - self._steady_since >= self._lease_s
