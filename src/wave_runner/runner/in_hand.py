"""What a lane of a model server has in hand: the model in its slot, and a wave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from wave_runner.core.patience import waited_too_long
from wave_runner.runner.prepare import Ready
from wave_runner.runner.steps import StepInHand
from wave_runner.store import waves
from wave_runner.store.accounts import Limited


@dataclass(kw_only=True)
class Visit:
    """The model in the slot, and the visit that its waves belong to."""

    work_key: str
    model: str
    weights: str  # the digest of what is in memory
    visit_id: int


@dataclass(kw_only=True)
class InHand:
    """A wave that is being done: who allows how much of it, and whether no more of it should be begun."""

    wave: waves.Wave
    queue: waves.Queue
    step: StepInHand  # of the queue's head
    probes: bool
    limited: Sequence[Limited]
    spared_s: float = (
        0.0  # as a probe, with others that can be the next: a failure is charged to nobody, and comes after them
    )
    enough: bool = False
    failed: bool = False  # to have its model loaded
    waited_s: float = 0.0  # for budgets of runs
    since: float = field(default_factory=time.monotonic)

    def is_late(self, ready: Ready) -> str:
        """Say which limit a record has passed while its wave was worked on; "" if none."""
        age_s = ready.item.age_s + time.monotonic() - self.since
        return waited_too_long(ready.step.pinned.patience, age_s=age_s, attempt=ready.item.attempt)
