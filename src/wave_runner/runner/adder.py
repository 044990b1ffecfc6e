"""The loop that adds up runs that have ended, so that a report on one costs the same however large it was."""

from __future__ import annotations

import logging

from wave_runner.store import run_sums
from wave_runner.store.database import Database, Unavailable

log = logging.getLogger("wave_runner.runner")

PAUSE_S = 1.0
LONGEST_PAUSE_S = 10.0


class Adder:
    """Runs in every runner. Two that add up the same run at once come to the same, and put it in the same place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one_pass(self) -> bool:
        """Add up one run. True if there may be another one."""
        return await run_sums.keep(self._database)

    async def finish(self) -> None:
        """Add up the run that has ended last: there may be no other runner to do it."""
        try:
            await self.one_pass()
        except Unavailable as error:
            log.warning("the adder: the database is away (%s); another runner adds up the rest", error)
