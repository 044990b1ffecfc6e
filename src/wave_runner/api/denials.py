"""Who was not let in is recorded in the log, but never so often that somebody could fill it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
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


@dataclass(kw_only=True)
class _Denied:
    """What a person was denied, or all whom nobody knows. `last` is the last of what is not told yet."""

    person: str | None
    bound: Bound = field(default_factory=lambda: Bound(at_once=AT_ONCE, every_s=EVERY_S))
    last: dict[str, str] | None = None
    later: asyncio.Task[None] | None = None


class Denials:
    """Records ten denials at once, and then one a minute, which says how many others there were since the last one.

    So many of each person, and as many of all whom nobody knows: these cannot hide what somebody known was denied.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._strangers = _Denied(person=None)
        self._known: dict[str, _Denied] = {}

    async def record(self, denial: Denial, *, method: str, route: str, person: str | None) -> None:
        """Record that somebody was not let in. Nothing that they have sent is kept but what is named here."""
        denied = self._strangers if person is None else self._known.setdefault(person, _Denied(person=person))
        data = {"reason": str(denial), "method": method if method in METHODS else "other", "route": route}
        untold = denied.bound.take(time.monotonic())
        if untold is None:
            self._keep(denied, data)
        else:
            denied.last = None
            await self._tell(denied, data, untold)

    async def end(self) -> None:
        """Record what is not recorded yet: the process is about to end."""
        for denied in (self._strangers, *self._known.values()):
            if denied.later is not None:
                denied.later.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await denied.later
            await self._tell_last(denied)

    def _keep(self, denied: _Denied, data: dict[str, str]) -> None:
        denied.last = data
        if denied.later is None or denied.later.done():
            denied.later = asyncio.create_task(self._tell_later(denied))

    async def _tell_later(self, denied: _Denied) -> None:
        while denied.last is not None:
            await asyncio.sleep(EVERY_S)
            await self._tell_last(denied)

    async def _tell_last(self, denied: _Denied) -> None:
        data, denied.last = denied.last, None
        if data is not None:
            await self._tell(denied, data, denied.bound.settle(time.monotonic()) - 1)

    async def _tell(self, denied: _Denied, data: dict[str, str], untold: int) -> None:
        try:
            await access.deny(self._database, data, person=denied.person, untold=untold)
        except Unavailable as error:
            log.warning("somebody was denied access (%s), which could not be recorded yet: %s", data["reason"], error)
            denied.bound.give_back(untold + 1)
            self._keep(denied, data)
