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
MOST_DOUBLINGS = 10


class Loop:
    """Runs `one_pass` again and again until stopped.

    A pass says whether it found work; after one that did not, the loop pauses for `pause_s`, or until it is woken, and
    longer each time, up to `longest_pause_s`: many runners that idle must not keep the database busy. A database that
    is away is waited for, and so is room on a full disk; any other error ends the loop and is raised, because a loop
    that fails silently looks healthy.
    """

    def __init__(
        self, name: str, one_pass: Callable[[], Awaitable[bool]], *, pause_s: float, longest_pause_s: float = 0.0
    ) -> None:
        self.name = name
        self._one_pass = one_pass
        self._pause_s = pause_s
        self._longest_pause_s = max(pause_s, longest_pause_s)
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
        pauses, cap_s = 0, self._longest_pause_s
        while not self._stopping:
            try:
                worked, cap_s = await self._one_pass(), self._longest_pause_s
            except Unavailable as error:
                log.warning("%s: the database is away (%s); trying again", self.name, error)
                worked, cap_s = False, BACKOFF_CAP_S
            except OSError as error:
                if not has_no_room(error):
                    raise
                log.warning("%s: there is no room to write (%s); trying again", self.name, error)
                worked, cap_s = False, BACKOFF_CAP_S
            seconds = min(cap_s, self._pause_s * 2 ** min(pauses, MOST_DOUBLINGS))
            pauses = 0 if worked or await self._pause(seconds) else pauses + 1

    async def _pause(self, seconds: float) -> bool:
        """Pause, and say whether it was ended by somebody who has work."""
        if self._stopping:
            return False
        with contextlib.suppress(TimeoutError):  # the pause is over
            await asyncio.wait_for(self._woken.wait(), seconds)
        woken = self._woken.is_set()
        if not self._stopping:
            self._woken.clear()
        return woken
