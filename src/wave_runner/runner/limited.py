"""Who allows a step only so much, and the queues that have to wait for it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from wave_runner.core.pinned import PinnedStep
from wave_runner.core.rates import Rate
from wave_runner.store.accounts import Limited, Whose

# Nobody waits longer without asking again: what was granted and is not used is given back, and makes it sooner.
LONGEST_NAP_S = 0.25


def limits_of(pinned: PinnedStep, *, server: str = "", allows: Rate | None = None) -> tuple[Limited, ...]:
    """Return whose accounts a step is charged to: its actor's, and that of the server by URL which it asks."""
    found = [Limited(whose=Whose.ACTOR, name=pinned.step.actor, rate=pinned.rate)] if pinned.rate else []
    if allows:
        found.append(Limited(whose=Whose.SERVER, name=server, rate=allows))
    return tuple(found)


@dataclass(kw_only=True)
class Rests:
    """Queues, or runs, that a lane leaves alone for a while, because what they need allows no more just now."""

    until: dict[int, float] = field(default_factory=dict)

    def put(self, id: int, seconds: float) -> None:
        """Leave a queue or a run alone for so long."""
        self.until[id] = time.monotonic() + seconds

    def is_over(self, id: int) -> bool:
        """Say whether it may be asked again."""
        return self.until.get(id, 0.0) <= time.monotonic()

    def resting(self) -> list[int]:
        """Return those that are still left alone."""
        now = time.monotonic()
        return [id for id, until in self.until.items() if until > now]

    def forget_those_over(self) -> None:
        """Begin a pass: what may be asked again is looked at now, and needs no reminder."""
        self.until = {id: self.until[id] for id in self.resting()}

    def soonest_s(self) -> float:
        """Return the seconds until the next may be asked again; infinite where none rests since the pass began."""
        if not self.until:
            return math.inf
        return max(0.0, min(self.until.values()) - time.monotonic())
