"""The loop that adds up large runs, so that a report on one costs the same however large it is."""

from __future__ import annotations

import logging

from wave_runner.store import run_sums
from wave_runner.store.database import Database, Unavailable

log = logging.getLogger("wave_runner.runner")

PAUSE_S = 1.0
LONGEST_PAUSE_S = 10.0


class Adder:
    """Runs in every runner. A run that has ended is added up once: two that do it at once come to the same.

    One that is under way is counted again and again, by one runner at a time, for a small share of the time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one_pass(self) -> bool:
        """Add up one run. True if there may be another one that has ended."""
        if await run_sums.keep(self._database):
            return True
        await run_sums.keep_interim(self._database)
        return False

    async def finish(self) -> None:
        """Add up the run that has ended last: there may be no other runner to do it."""
        try:
            await run_sums.keep(self._database)
        except Unavailable as error:
            log.warning("the adder: the database is away (%s); another runner adds up the rest", error)
