"""The loop that folds: what is sealed goes into the projections, some time after it was sealed, and exactly once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from wave_runner.core.projection import PROJECTIONS, Projection
from wave_runner.errors import ConflictError
from wave_runner.runner.projection_keeper import ProjectionKeeper
from wave_runner.store import projections as stored
from wave_runner.store.database import Database, Unavailable
from wave_runner.store.projections import Copy

log = logging.getLogger("wave_runner.runner")

PAUSE_S = 0.5
LONGEST_PAUSE_S = 1.0
LAST_S = 5.0  # for what is left when the runner stops; another runner, or the next, folds the rest


class Projector:
    """Runs in every runner; the lock of one row sees to it that one of them folds at a time.

    While there is work it folds one batch in each pass, so that the work comes first, and catches up afterwards: how
    far it is behind is shown, and nothing is lost. Where a runner's fold is newer than what is read, its table is built
    beside and takes the other one's place.
    """

    def __init__(self, database: Database, *, busy: Callable[[], bool]) -> None:
        self._database = database
        self._busy = busy
        self._stuck: dict[str, str] = {}
        self._cleared = False

    async def one_pass(self) -> bool:
        """Fold what has been sealed since. Returns whether there is more that should not wait."""
        more = await self._pass()
        return more and not self._busy()

    async def finish(self) -> None:
        """Fold what is left, within a short time, for there may be no other runner to do it."""
        deadline = time.monotonic() + LAST_S
        try:
            while await self._pass() and time.monotonic() < deadline:
                pass
        except Unavailable as error:
            log.warning("the projector: the database is away (%s); another runner folds the rest", error)

    async def _pass(self) -> bool:
        if not self._cleared:  # what somebody left behind who was killed after a swap
            self._cleared = not await stored.clear(self._database)
        found = await stored.copies(self._database)
        more = [await self._of(projection, found) for projection in PROJECTIONS]
        return any(more)

    async def _of(self, projection: Projection, found: list[Copy]) -> bool:
        copies = {copy.state: copy for copy in found if copy.name == projection.name}
        live = copies.get("live")
        if live is None:
            await stored.begin(self._database, projection, "live")
            return True
        if stored.is_of(live, projection):
            return await self._advance(projection, live)
        if live.version < projection.version:
            return await self._replace(projection, copies.get("building"))
        return False

    async def _replace(self, projection: Projection, building: Copy | None) -> bool:
        """Build what a newer fold gives, and put it in the place of what is read."""
        keeper = ProjectionKeeper(database=self._database, projection=projection)
        if building is None or not stored.is_of(building, projection):
            return await keeper.prepare(building)
        if await self._advance(projection, building):
            return True
        try:
            await keeper.replace(caught_up=building.size)
        except ConflictError as error:  # stuck, in the very last entries
            log.error("%s", error)
        return False

    async def _advance(self, projection: Projection, copy: Copy) -> bool:
        """Fold one batch; say whether there is more."""
        if not copy.behind:
            return False
        step = await stored.advance(self._database, projection, copy.projection_id)
        if step is None:
            return False
        if step.stuck_because and step.stuck_because != self._stuck.get(projection.name):
            log.error("the projection %s is stuck: %s", projection.name, step.stuck_because)
        self._stuck[projection.name] = step.stuck_because
        return not step.stuck_because and step.position < copy.size
