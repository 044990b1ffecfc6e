"""Who was not let in is recorded in the log, but never so often that somebody outside could fill it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from wave_runner.core.access import Bound, Denial
from wave_runner.store import access
from wave_runner.store.database import Unavailable

if TYPE_CHECKING:
    from wave_runner.store.database import Database

log = logging.getLogger(__name__)

AT_ONCE = 10
EVERY_S = 60.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Denials:
    """Records ten denials at once, and then one a minute, which says how many there were since the one before it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bound = Bound(at_once=AT_ONCE, every_s=EVERY_S)

    async def record(self, denial: Denial, *, method: str, route: str, person: str | None) -> None:
        """Record that somebody was not let in. Nothing that they have sent is kept but what is named here."""
        untold = self._bound.take(time.monotonic())
        if untold is None:
            return
        data = {"reason": str(denial), "method": method if method in METHODS else "other", "route": route}
        try:
            await access.deny(self._database, data, person=person, untold=untold)
        except Unavailable as error:
            log.warning("somebody was denied access (%s), which could not be recorded: %s", denial, error)
