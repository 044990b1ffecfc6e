"""A lane of work that is at hand at once: claim the waves of its queues, latest step first, and do each."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from wave_runner.core.patience import UNMEASURED_S, attempt_limit_s
from wave_runner.core.rates import spacing_s
from wave_runner.core.wave import choose_script, wave_size
from wave_runner.runner.begin import begin
from wave_runner.runner.courtesy import Courtesy
from wave_runner.runner.hold import Holder, Wait
from wave_runner.runner.limited import LONGEST_NAP_S, Rests, limits_of
from wave_runner.runner.outlook import Outlook
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ready, prepare
from wave_runner.runner.record import quarantine
from wave_runner.runner.steps import Steps
from wave_runner.runner.texts import Texts
from wave_runner.store import accounts, waves
from wave_runner.store.database import Database

SHARED_S = 0.5  # work that takes longer is divided among the lanes of a runner
LEASES_PER_WAVE = 0.3  # a wave is done well within its lease, so that a lost runner costs little


@dataclass(kw_only=True, eq=False)
class Lane(abc.ABC):
    """What scripts, queries and routes share: nothing has to be loaded before a wave of theirs can be claimed."""

    name: ClassVar[str]
    first_wave: ClassVar[int]  # before an item's time has been measured
    largest_wave: ClassVar[int]

    database: Database
    holder: Holder
    outlook: Outlook
    steps: Steps
    texts: Texts
    after_wave: Callable[[], None]
    beside: int = 1  # lanes of its name in this runner, itself among them
    pace: Pace = field(default_factory=Pace, init=False)
    rests: Rests = field(default_factory=Rests, init=False)
    courtesy: Courtesy = field(default_factory=Courtesy, init=False)
    limit_s: float = field(default=UNMEASURED_S, init=False)  # of one attempt of the wave in hand

    async def one_pass(self) -> bool:
        """Do one wave. False if there was nothing to do."""
        if not self.holder.may_claim:
            return False
        self.rests.forget_those_over()
        queues = {queue.id: queue for queue in await self.outlook.of(self.name) if self._may_serve(queue)}
        # Each of them once: what this look has seen is old by the time that the first has been tried in vain.
        while self.holder.may_claim and (choice := choose_script([queue.waiting for queue in queues.values()])):
            queue = queues.pop(choice.queue.queue_id)
            left = self.courtesy.leaves(queue, enough=self._size(queue.id), beside=queues.values())
            if not left and await self._serve(queue, choice.reason):
                return True
        return False

    def soonest_s(self) -> float:
        """Return the seconds until there may be work that had to be put off."""
        return self.rests.soonest_s()

    def _may_serve(self, queue: waves.Queue) -> bool:
        return queue.is_open and self.rests.is_over(queue.id) and self.outlook.leaves_some(queue)

    async def _serve(self, queue: waves.Queue, reason: str) -> bool:
        """Do one wave of a queue. False if nothing may be had of it: it is left alone for a while."""
        # Read before the claim: whatever fails from there on would leave the wave to its lease.
        in_hand = await self.steps.of_run(queue.run_step_id)
        limited = limits_of(in_hand.pinned)
        size = 1 if spacing_s([one.rate for one in limited]) else self._share(queue)
        if seconds := await accounts.wait(self.database, limited):
            self.rests.put(queue.id, min(seconds, LONGEST_NAP_S))
            return False
        with self.outlook.claiming(queue.id, size):
            wave = await self.holder.claim(
                queue.id, size=size, reason=reason, held=queue.held, front=queue.front, limited=limited
            )
        if isinstance(wave, Wait):
            self.rests.put(queue.id, min(wave.seconds, LONGEST_NAP_S))
            return False
        if wave is None:
            self.courtesy.came_late(queue)
            return False
        self.courtesy.came_first(queue)
        errors = max(item.errors for item in wave.items)
        self.limit_s = attempt_limit_s(in_hand.pinned.patience, queue.measured, errors=errors)
        # For each item a call, and as long again for what it has the database do.
        deadline_s = 2 * self.limit_s * len(wave.items) + self.holder.lease_s
        # Nobody waits for it to be closed, unless an account counts how many are open.
        await self.holder.work(wave, self._do, deadline_s=deadline_s, closes_later=not limited)
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

    def _share(self, queue: waves.Queue) -> int:
        """Return how much a lane takes: all that fits into a wave, but not what lanes beside it could do at once."""
        size = self._size(queue.id)
        worth_sharing = (self.pace.of(queue.id) or 0.0) * queue.waiting.waiting > SHARED_S
        return min(size, -(-queue.waiting.waiting // self.beside)) if worth_sharing else size

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
