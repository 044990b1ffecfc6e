"""What a lane leaves to other runners: many of them must not fight for the little that one of them could do."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from wave_runner.core.wave import leave_s
from wave_runner.store.waves import Queue

# Whoever comes too late leaves a queue to those who were first for a while, and for longer each time.
GIVE_WAY_S = 0.25
LONGEST_GIVE_WAY_S = 1.0
MOST_DOUBLINGS = 10


@dataclass(kw_only=True)
class Courtesy:
    """The queues that are left to others, and until when. Nobody wakes up for them: there are others to do it."""

    until: dict[int, float] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)  # how often in a row others were first

    def allows(self, queue: Queue, *, enough: int) -> bool:
        """Say whether to claim from a queue now; what gathers there is left until there is enough of it."""
        now = time.monotonic()
        if self.until.get(queue.id, 0.0) > now:
            return False
        seconds = leave_s(queue.waiting, enough=enough)
        if seconds:
            # Not all at the same moment: whoever comes first takes it, and the others find nothing to fight for.
            self.until[queue.id] = now + seconds * (1 + random.random())  # noqa: S311  it only spreads
        return not seconds

    def came_late(self, queue_id: int) -> None:
        """Others were first."""
        times = self.late.get(queue_id, 0)
        self.until[queue_id] = time.monotonic() + min(LONGEST_GIVE_WAY_S, GIVE_WAY_S * 2**times)
        self.late[queue_id] = min(times + 1, MOST_DOUBLINGS)

    def came_first(self, queue_id: int) -> None:
        """Something was left for us."""
        self.late.pop(queue_id, None)
