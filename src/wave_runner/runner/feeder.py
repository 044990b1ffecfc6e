"""The loop that feeds shadows: what a run has come to since the last look is done once more beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from wave_runner.core.control import Subject
from wave_runner.core.experiment import is_drawn
from wave_runner.runner.nonces import new_nonce
from wave_runner.store import control, shadows
from wave_runner.store.database import Connection, Database, Unavailable
from wave_runner.store.shadows import Shadow, Stretch

log = logging.getLogger("wave_runner.runner")

# Entries of the log that one look goes through: so many results at most become work in one transaction.
STRETCH = 2000

SOURCE_ENDED, ENOUGH = "source_ended", "enough"


class Feeder:
    """Each stretch of the log is a transaction of its own: a runner that is killed leaves it to the next."""

    def __init__(
        self, database: Database, *, runner_id: UUID, wake_lanes: Callable[[], None], stretch: int = STRETCH
    ) -> None:
        self._database = database
        self._runner_id = runner_id
        self._wake_lanes = wake_lanes
        self._size = stretch

    async def one_pass(self) -> bool:
        """Go through a stretch of the log for each shadow. True if there may be more of it."""
        more = False
        for run_id in await shadows.due(self._database):
            try:
                more = await self._feed(run_id) or more
            except (Unavailable, OSError):
                raise  # nothing that is about this shadow
            except Exception as error:  # noqa: BLE001  # whatever is wrong with a shadow, the runner does real work too
                await self._set_aside(run_id, error)
        return more

    async def _set_aside(self, run_id: int, error: Exception) -> None:
        """Pause a shadow that cannot be fed: the others are, and its run goes on. Whoever resumes it tries again."""
        message = "shadow %s cannot be given what its run comes to, and is paused"
        log.error(message, run_id, exc_info=error, extra={"run_id": run_id})
        async with self._database.transaction() as connection:
            why = f"shadow_not_fed ({type(error).__name__})"  # and no more: the text may have something of a record
            await control.pause(connection, Subject.RUN, str(run_id), by=why)

    async def _feed(self, run_id: int) -> bool:
        async with self._database.transaction() as connection:
            shadow = await shadows.lock(connection, run_id)
            stretch = await shadows.stretch(connection, shadow, size=self._size) if shadow is not None else None
            if shadow is None or stretch is None:
                return False
            fed = await self._give(connection, shadow, stretch)
            closes = _closes(shadow, stretch, shadow.fed + fed)
            await shadows.advance(
                connection, shadow, looked_to=stretch.following, fed=fed, closes=closes, runner_id=self._runner_id
            )
        if fed:
            self._wake_lanes()
        return closes is None

    async def _give(self, connection: Connection, shadow: Shadow, stretch: Stretch) -> int:
        found = await shadows.results(connection, shadow, stretch.following)
        drawn = [one for one in found if is_drawn(one.key, shadow.seed, shadow.share)]
        nonces = [new_nonce() for _ in drawn]
        return await shadows.feed(connection, shadow, drawn, nonces, most=shadow.asked - shadow.fed) if drawn else 0


def _closes(shadow: Shadow, stretch: Stretch, fed: int) -> str | None:
    """Say why a shadow is given nothing more; None if it is."""
    if fed >= shadow.asked:
        return ENOUGH
    # A run that has ended and goes on since, since something of it is tried again, ends once more.
    return SOURCE_ENDED if stretch.is_end else None
