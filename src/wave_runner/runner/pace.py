"""How long one item of a queue takes, as this runner has measured it: what sizes the next wave."""

from __future__ import annotations

# How much the newest measurement counts: a change of pace shows within a few waves, one slow item does not.
NEWEST = 0.3


class Pace:
    """A moving average of seconds per item, for each queue."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def of(self, queue_id: int) -> float | None:
        """Return the seconds that one item takes; None if none has been measured."""
        return self._seconds.get(queue_id)

    def measure(self, queue_id: int, seconds: float) -> None:
        """Add one measurement."""
        before = self._seconds.get(queue_id, seconds)
        self._seconds[queue_id] = (1 - NEWEST) * before + NEWEST * seconds
