"""What a lane leaves to other runners: many of them must not fight for the little that one of them could do."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from wave_runner.core.wave import gathers, is_pressing
from wave_runner.store.waves import Queue

# Whoever comes too late leaves a queue to those who were first for a while, and for longer each time.
GIVE_WAY_S = 0.25
LONGEST_GIVE_WAY_S = 1.0
MOST_DOUBLINGS = 10


def _cast() -> float:
    return random.random()  # noqa: S311  it only spreads


@dataclass(kw_only=True)
class Courtesy:
    """The queues at which others were first. Nobody wakes up for what is left: there are others to do it."""

    dice: float = field(default_factory=_cast)
    until: dict[int, float] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)  # how often in a row others were first

    def leaves(self, queue: Queue, *, enough: int, beside: Iterable[Queue] = ()) -> bool:
        """Say whether to leave a queue for now.

        Never where no other runner was at it lately, where `enough` waits, or where it is far ahead of those `beside`.
        """
        waiting = queue.waiting
        if not waiting.others or waiting.waiting >= enough or is_pressing(waiting, (one.waiting for one in beside)):
            return False
        return self.until.get(queue.id, 0.0) > time.monotonic() or gathers(waiting, enough=enough, dice=self.dice)

    def came_late(self, queue: Queue) -> None:
        """Others were first, if there are any: it may have been another lane of the same runner."""
        if queue.waiting.others:
            times = self.late.get(queue.id, 0)
            self.until[queue.id] = time.monotonic() + min(LONGEST_GIVE_WAY_S, GIVE_WAY_S * 2**times)
            self.late[queue.id] = min(times + 1, MOST_DOUBLINGS)

    def came_first(self, queue: Queue) -> None:
        """Something was left for us."""
        self.late.pop(queue.id, None)
