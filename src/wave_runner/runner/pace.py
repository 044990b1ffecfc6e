"""How long one item of a queue takes: what sizes the next wave, and what all runners learn about their patience."""

from __future__ import annotations

import time
from collections import Counter

from wave_runner.core.patience import FEW, bucket_of
from wave_runner.store import durations
from wave_runner.store.database import Database

# How much the newest measurement counts: a change of pace shows within a few waves, one slow item does not.
NEWEST = 0.3
# How long what has been measured may lie here: waves of one item should not cost a write each.
TELL_EVERY_S = 5.0


class Pace:
    """A moving average of seconds per item, for each queue; and how long each attempt took, until the others know."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._taken: dict[int, Counter[int]] = {}
        self._told_at: dict[int, float] = {}

    def of(self, queue_id: int) -> float | None:
        """Return the seconds that one item takes; None if none has been measured."""
        return self._seconds.get(queue_id)

    def measure(self, queue_id: int, seconds: float) -> None:
        """Add one measurement."""
        before = self._seconds.get(queue_id, seconds)
        self._seconds[queue_id] = (1 - NEWEST) * before + NEWEST * seconds

    def took(self, queue_id: int, service_us: int) -> None:
        """Note how long an attempt took; those that took no time that could be measured say nothing."""
        if service_us > 0:
            self._taken.setdefault(queue_id, Counter())[bucket_of(service_us / 1_000_000)] += 1

    async def tell(self, database: Database, queue_id: int) -> None:
        """Let the other runners know, where there is enough to tell or the last time was long ago."""
        taken, now = self._taken.get(queue_id), time.monotonic()
        told_at = self._told_at.setdefault(queue_id, now)
        if taken and (taken.total() >= FEW or now - told_at > TELL_EVERY_S):
            await durations.add(database, queue_id, dict(taken))
            self._taken.pop(queue_id)
            self._told_at[queue_id] = now
