"""How large the items of a queue are: what keeps a wave of documents from filling a runner's memory."""

from __future__ import annotations

from collections.abc import Collection

from wave_runner.core.wave import fitting

# How much the newest wave counts once they become smaller. Larger ones count at once: what may be too much must not
# come a second time.
NEWEST = 0.3
# As long as nothing has been seen, anything may come; fewer would be felt in short runs of small items.
UNSEEN = 400


class Weights:
    """Bytes per item, of what it is given and of what comes of it, for each queue."""

    def __init__(self) -> None:
        self._given: dict[int, float] = {}
        self._got: dict[int, float] = {}

    def given(self, queue_id: int, sizes: Collection[int]) -> None:
        """Note what the items of a wave are given."""
        _note(self._given, queue_id, sizes)

    def got(self, queue_id: int, sizes: Collection[int]) -> None:
        """Note what has come of the items of a wave."""
        _note(self._got, queue_id, sizes)

    def fitting(self, queue_id: int) -> int:
        """Return how many items fit into a wave, as far as has been seen."""
        if queue_id not in self._given:
            return UNSEEN
        return fitting(self._given.get(queue_id, 0.0) + self._got.get(queue_id, 0.0))


def _note(known: dict[int, float], queue_id: int, sizes: Collection[int]) -> None:
    if sizes:
        mean = sum(sizes) / len(sizes)
        known[queue_id] = max(mean, (1 - NEWEST) * known.get(queue_id, mean) + NEWEST * mean)
