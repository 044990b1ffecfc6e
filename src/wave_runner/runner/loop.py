"""The lifecycle that everything which loops here shares: start, a pass, a pause, stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from wave_runner.errors import has_no_room
from wave_runner.store.database import Unavailable

log = logging.getLogger("wave_runner.runner")

BACKOFF_CAP_S = 5.0


class Loop:
    """Runs `one_pass` again and again until stopped.

    A pass says whether it found work; after one that did not, the loop pauses for `pause_s`, or until it is woken. A
    database that is away is waited for, and so is room on a full disk; any other error ends the loop and is raised,
    because a loop that fails silently looks healthy.
    """

    def __init__(self, name: str, one_pass: Callable[[], Awaitable[bool]], *, pause_s: float) -> None:
        self.name = name
        self._one_pass = one_pass
        self._pause_s = pause_s
        self._stopping = False
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """End the pause: there may be work."""
        self._woken.set()

    def stop(self) -> None:
        """Let the present pass be the last. Safe twice, and before the start."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Loop until stopped."""
        failures = 0
        while not self._stopping:
            try:
                worked = await self._one_pass()
                failures = 0
            except Unavailable as error:
                failures += 1
                log.warning("%s: the database is away (%s); trying again", self.name, error)
                worked = False
            except OSError as error:
                if not has_no_room(error):
                    raise
                failures += 1
                log.warning("%s: there is no room to write (%s); trying again", self.name, error)
                worked = False
            if not worked:
                await self._pause(min(BACKOFF_CAP_S, self._pause_s * 2**failures) if failures else self._pause_s)

    async def _pause(self, seconds: float) -> None:
        if self._stopping:
            return
        with contextlib.suppress(TimeoutError):  # the pause is over
            await asyncio.wait_for(self._woken.wait(), seconds)
        if not self._stopping:
            self._woken.clear()
