"""Who allows a step only so much, and the queues that have to wait for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from wave_runner.core.pinned import PinnedStep
from wave_runner.core.rates import Rate
from wave_runner.store.accounts import Limited, Whose

LONGEST_NAP_S = 0.25


def limits_of(pinned: PinnedStep, *, server: str = "", allows: Rate | None = None) -> tuple[Limited, ...]:
    """Return whose accounts a step is charged to: its actor's, and that of the server by URL which it asks."""
    found = [Limited(whose=Whose.ACTOR, name=pinned.step.actor, rate=pinned.rate)] if pinned.rate else []
    if allows:
        found.append(Limited(whose=Whose.SERVER, name=server, rate=allows))
    return tuple(found)


@dataclass(kw_only=True)
class Rests:
    """Queues that a lane leaves alone for a while, because what they need allows no more just now."""

    until: dict[int, float] = field(default_factory=dict)

    def put(self, queue_id: int, seconds: float) -> None:
        """Leave a queue alone for so long."""
        self.until[queue_id] = time.monotonic() + seconds

    def is_over(self, queue_id: int) -> bool:
        """Say whether a queue may be asked again."""
        return self.until.get(queue_id, 0.0) <= time.monotonic()

    async def wait(self) -> bool:
        """Wait for the next queue that may be asked again, a little at a time. False at once where none rests."""
        now = time.monotonic()
        self.until = {queue_id: until for queue_id, until in self.until.items() if until > now}
        if not self.until:
            return False
        await asyncio.sleep(min(LONGEST_NAP_S, min(self.until.values()) - now))
        return True
