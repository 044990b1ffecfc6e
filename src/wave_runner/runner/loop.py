"""The lifecycle that everything which loops here shares: start, a pass, a pause, stop."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

from wave_runner.errors import has_no_room
from wave_runner.store.database import Unavailable

log = logging.getLogger("wave_runner.runner")

BACKOFF_CAP_S = 5.0
MOST_DOUBLINGS = 10


class Loop:
    """Runs `one_pass` again and again until stopped.

    A pass says whether it found work; after one that did not, the loop pauses for `pause_s`, or until it is woken, and
    longer each time, up to `longest_pause_s`: many runners that idle must not keep the database busy. Woken again and
    again it pauses for `shortest_pause_s` all the same: what piles up meanwhile is done together. `soonest_s` says when
    there may be work that was put off. Loops of one `phase_s` that pause for equally long wake together.

    A database that is away is waited for, and so is room on a full disk; any other error ends the loop and is raised,
    because a loop that fails silently looks healthy.
    """

    def __init__(
        self,
        name: str,
        one_pass: Callable[[], Awaitable[bool]],
        *,
        pause_s: float,
        shortest_pause_s: float = 0.0,
        longest_pause_s: float = 0.0,
        soonest_s: Callable[[], float] = lambda: math.inf,
        phase_s: float = 0.0,
    ) -> None:
        self.name = name
        self._one_pass = one_pass
        self._pause_s = pause_s
        self._shortest_pause_s = shortest_pause_s
        self._longest_pause_s = max(pause_s, longest_pause_s)
        self._soonest_s = soonest_s
        self._phase_s = phase_s
        self._stopping = False
        self._woken = False
        self._alarm: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """End the pause: there may be work."""
        self._woken = True
        self._ring()

    def stop(self) -> None:
        """Let the present pass be the last. Safe twice, and before the start."""
        self._stopping = True
        self._ring()

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
        await asyncio.sleep(self._shortest_pause_s)
        if not (self._woken or self._stopping):
            # A timer and no task: a runner has a dozen loops, and each is woken by every wave.
            self._alarm = asyncio.get_running_loop().create_future()
            timer = asyncio.get_running_loop().call_later(self._rest_s(seconds), self._ring)
            try:
                await self._alarm
            finally:
                timer.cancel()
        woken, self._woken = self._woken, False
        return woken

    def _rest_s(self, seconds: float) -> float:
        return min(to_common_moment_s(time.monotonic() + self._phase_s, seconds), self._soonest_s())

    def _ring(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)


def to_common_moment_s(now: float, seconds: float) -> float:
    """Return the time to the next moment, within so many seconds, that all have in common who pause for so long."""
    return (now // seconds + 1) * seconds - now
