"""A lane of work that is at hand at once: claim the waves of its queues, latest step first, and do each."""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from wave_runner.core.patience import UNMEASURED_S, attempt_limit_s
from wave_runner.core.rates import spacing_s
from wave_runner.core.wave import choose_script, wave_size
from wave_runner.runner import relay
from wave_runner.runner.begin import charge, start
from wave_runner.runner.courtesy import Courtesy
from wave_runner.runner.hold import Holder, Over, Wait
from wave_runner.runner.limited import LONGEST_NAP_S, Rests, limits_of
from wave_runner.runner.outlook import Outlook
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ready, prepare_within
from wave_runner.runner.record import quarantine
from wave_runner.runner.relay import Begun, Opened, Relay, next_queue
from wave_runner.runner.steps import Steps
from wave_runner.runner.texts import Texts
from wave_runner.runner.weights import Weights
from wave_runner.store import accounts, waves
from wave_runner.store.accounts import Limited
from wave_runner.store.database import Connection, Database
from wave_runner.store.interactions import Move

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
    weights: Weights = field(default_factory=Weights, init=False)
    rests: Rests = field(default_factory=Rests, init=False)
    courtesy: Courtesy = field(default_factory=Courtesy, init=False)
    limit_s: float = field(default=UNMEASURED_S, init=False)  # of one attempt of the wave in hand
    relay: Relay | None = field(default=None, init=False)  # what follows the wave in hand, unless somebody has to look

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
            opened = await self._open(queue, reason, size=size, limited=limited)
        if isinstance(opened, Wait):
            self.rests.put(queue.id, min(opened.seconds, LONGEST_NAP_S))
            return False
        if opened is None:
            self.courtesy.came_late(queue)
            return False
        self.courtesy.came_first(queue)
        until = time.monotonic() + min(relay.LONGEST_S, self.holder.lease_s / 4)
        over: list[Over] = []
        try:
            while opened is not None:
                opened = await self._hold(opened, over, until=until)
        finally:
            closing = self.holder.close(over)
        if limited:
            await closing  # an account counts how many are open
        self.after_wave()
        return True

    async def _open(
        self, queue: waves.Queue, reason: str, *, size: int, limited: Sequence[Limited]
    ) -> Opened | Wait | None:
        """Claim a wave and begin its items, in one transaction."""
        wave: waves.Wave | Wait | None = None
        try:
            async with self.database.transaction(by_key=True) as connection:
                wave = await self.holder.claim(
                    connection,
                    queue.id,
                    size=size,
                    reason=reason,
                    held=queue.held,
                    front=queue.front,
                    limited=limited,
                )
                if wave is None or isinstance(wave, Wait):
                    return wave
                return Opened(queue=queue, wave=wave, begun=await self._begin(connection, wave))
        except BaseException:
            if isinstance(wave, waves.Wave):
                await self.holder.give_back(wave)
            raise

    async def _begin(self, connection: Connection, wave: waves.Wave) -> Begun | None:
        """Begin what can be done of a wave; None where a step has to be read first, which takes a connection more."""
        in_hand = self.steps.at_hand(item.run_step_id for item in wave.items)
        if in_hand is None:
            return None
        prepared = await prepare_within(connection, in_hand, wave.items)
        self.weights.given(wave.queue_id, [one.size for one in prepared.ready])
        charged = await charge(connection, prepared.ready)
        started = await start(connection, wave, charged.going)
        return Begun(started=started, stopped=[*prepared.stopped, *charged.stopped])

    async def _hold(self, opened: Opened, over: list[Over], *, until: float) -> Opened | None:
        """Do a wave under its lease. Returns the one that was opened as it was recorded; None: somebody has to look."""
        wave, queue = opened.wave, opened.queue
        pinned = (await self.steps.of_run(wave.items[0].run_step_id)).pinned
        errors = max(item.errors for item in wave.items)
        self.limit_s = attempt_limit_s(pinned.patience, queue.measured, errors=errors)
        # For each item a call, and as long again for what it has the database do.
        deadline_s = 2 * self.limit_s * len(wave.items) + self.holder.lease_s
        self.relay = following = Relay(open=partial(self._follow, until=until)) if self._is_quick(opened) else None
        try:
            await self.holder.work(wave, lambda _: self._do(opened), deadline_s=deadline_s, over=over)
        finally:
            if following and following.opened and not following.stands:
                await self.holder.give_back(following.opened.wave)
        await self.pace.tell(self.database, queue.id)
        return following.opened if following and following.stands else None

    def _is_quick(self, opened: Opened) -> bool:
        """Say whether a wave is small enough to go straight on from it."""
        return len(opened.wave.items) <= relay.MOST

    async def _follow(self, connection: Connection, moves: Sequence[Move], *, until: float) -> Opened | None:
        """Open the next wave in the transaction that records the last one."""
        queue = self._next(moves) if time.monotonic() < until and self.holder.may_claim else None
        if queue is None:
            return None
        size = min(relay.MOST, self._size(queue.id))
        wave = await self.holder.claim(connection, queue.id, size=size, reason="next step", held=queue.held)
        if not isinstance(wave, waves.Wave):
            return None
        return Opened(queue=queue, wave=wave, begun=await self._begin(connection, wave))

    def _next(self, moves: Sequence[Move]) -> waves.Queue | None:
        """Return the queue that all go to, if it is this lane's, nobody else is at it, and its work takes no time."""
        queue_id = next_queue(moves)
        queue = self.outlook.last_seen(queue_id) if queue_id is not None else None
        if queue is None or queue.lane != self.name or queue.waiting.others or not self._may_serve(queue):
            return None
        pace = self.pace.of(queue.id)
        step = self.steps.at_hand([queue.run_step_id])
        if pace is None or pace * len(moves) > relay.LONGEST_S or step is None:
            return None
        return None if limits_of(step[queue.run_step_id].pinned) else queue

    @abc.abstractmethod
    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        """Do items that have started, and record them. Returns how many were still ours."""

    async def _do(self, opened: Opened) -> int:
        wave, begun = opened.wave, opened.begun
        if begun is None:
            await self.steps.get([item.run_step_id for item in wave.items])
            async with self.database.transaction(by_key=True) as connection:
                begun = await self._begin(connection, wave)
            assert begun is not None, "its steps have just been read"
        done = await quarantine(self.database, wave, begun.stopped)
        return done + (await self._work(wave, begun.started) if begun.started else 0)

    def _share(self, queue: waves.Queue) -> int:
        """Return how much a lane takes: all that fits into a wave, but not what lanes beside it could do at once."""
        size = self._size(queue.id)
        worth_sharing = (self.pace.of(queue.id) or 0.0) * queue.waiting.waiting > SHARED_S
        return min(size, -(-queue.waiting.waiting // self.beside)) if worth_sharing else size

    def _size(self, queue_id: int) -> int:
        measured, fitting = self.pace.of(queue_id), self.weights.fitting(queue_id)
        if measured is None:
            return min(self.first_wave, fitting)
        return wave_size(
            service_s=measured,
            lease_s=self.holder.lease_s * LEASES_PER_WAVE,
            concurrency=1,
            largest=min(self.largest_wave, fitting),
        )
