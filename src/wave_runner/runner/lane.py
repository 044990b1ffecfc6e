"""A lane of work that is at hand at once: claim the waves of its queues, latest step first, and do each."""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from wave_runner.core.patience import UNMEASURED_S, attempt_limit_s
from wave_runner.core.rates import spacing_s
from wave_runner.core.wave import choose_script, wave_size
from wave_runner.errors import WaveError
from wave_runner.runner.begin import begin
from wave_runner.runner.hold import Holder, Wait
from wave_runner.runner.limited import Rests, limits_of
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ready, prepare
from wave_runner.runner.record import quarantine
from wave_runner.runner.steps import Steps
from wave_runner.runner.texts import Texts
from wave_runner.store import waves
from wave_runner.store.database import Database

LEASES_PER_WAVE = 0.3  # a wave is done well within its lease, so that a lost runner costs little


@dataclass(kw_only=True, eq=False)
class Lane(abc.ABC):
    """What scripts, queries and routes share: nothing has to be loaded before a wave of theirs can be claimed.

    `trouble` is why no wave may be opened, `blocked_by` are the actors that have work and have drifted, `paused` those
    that somebody has paused, `lacking` the labels that work needs and no runner has.
    """

    name: ClassVar[str]
    first_wave: ClassVar[int]  # before an item's time has been measured
    largest_wave: ClassVar[int]

    database: Database
    holder: Holder
    steps: Steps
    texts: Texts
    before_wave: Callable[[], Awaitable[WaveError | None]]
    after_wave: Callable[[], None]
    pace: Pace = field(default_factory=Pace, init=False)
    rests: Rests = field(default_factory=Rests, init=False)
    limit_s: float = field(default=UNMEASURED_S, init=False)  # of one attempt of the wave in hand
    trouble: WaveError | None = field(default=None, init=False)
    blocked_by: list[str] = field(default_factory=list, init=False)
    paused: list[str] = field(default_factory=list, init=False)
    lacking: list[str] = field(default_factory=list, init=False)

    async def one_pass(self) -> bool:
        """Do one wave. False if there was nothing to do."""
        self.trouble = await self.before_wave()
        if self.trouble is not None or not self.holder.may_claim:
            return False
        queues = await waves.waiting(self.database, [self.name], lease_s=self.holder.lease_s, labels=self.holder.labels)
        self.blocked_by = sorted({queue.actor for queue in queues if queue.drifted})
        self.paused = sorted({queue.actor for queue in queues if queue.paused})
        self.lacking = sorted({label for queue in queues for label in queue.lacking})
        choice = choose_script([queue.waiting for queue in queues if queue.is_open and self.rests.is_over(queue.id)])
        if choice is None:
            return await self.rests.wait()
        queue = next(queue for queue in queues if queue.waiting.queue_id == choice.queue.queue_id)
        # Read before the claim: whatever fails from there on would leave the wave to its lease.
        in_hand = await self.steps.of_run(queue.run_step_id)
        limited = limits_of(in_hand.pinned)
        size = 1 if spacing_s([one.rate for one in limited]) else self._size(queue.id)
        wave = await self.holder.claim(queue.id, size=size, reason=choice.reason, held=queue.held, limited=limited)
        if isinstance(wave, Wait):
            self.rests.put(queue.id, wave.seconds)
            return True
        if wave is None:
            return False
        errors = max(item.errors for item in wave.items)
        self.limit_s = attempt_limit_s(in_hand.pinned.patience, queue.measured, errors=errors)
        # For each item a call, and as long again for what it has the database do.
        deadline_s = 2 * self.limit_s * len(wave.items) + self.holder.lease_s
        await self.holder.work(wave, self._do, deadline_s=deadline_s)
        await self.pace.tell(self.database, queue.id)
        self.after_wave()
        return True

    @abc.abstractmethod
    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        """Do items that have started, and record them. Returns how many were still ours."""

    async def _do(self, wave: waves.Wave) -> int:
        prepared = await prepare(self.database, self.steps, wave.items)
        done = await quarantine(self.database, wave, prepared.stopped)
        if not prepared.ready:
            return done
        begun = await begin(self.database, wave, prepared.ready)
        return done + begun.stopped + (await self._work(wave, begun.started) if begun.started else 0)

    def _size(self, queue_id: int) -> int:
        measured = self.pace.of(queue_id)
        if measured is None:
            return self.first_wave
        return wave_size(
            service_s=measured,
            lease_s=self.holder.lease_s * LEASES_PER_WAVE,
            concurrency=1,
            largest=self.largest_wave,
        )
