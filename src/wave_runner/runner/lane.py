"""A lane of work that is at hand at once: claim the waves of its queues, latest step first, and do each."""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from wave_runner.core.patience import UNMEASURED_S, attempt_limit_s
from wave_runner.core.rates import spacing_s
from wave_runner.core.wave import choose_script, wave_size
from wave_runner.runner import relay
from wave_runner.runner.begin import charge, start
from wave_runner.runner.courtesy import Courtesy
from wave_runner.runner.hold import Holder, Wait
from wave_runner.runner.limited import LONGEST_NAP_S, Rests, limits_of
from wave_runner.runner.outlook import Outlook
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ahead, Prepared, Ready, prepare, prepare_within, read_ahead, read_beside
from wave_runner.runner.record import quarantine
from wave_runner.runner.relay import Following, Going, Opened, Reading, Relay, next_queue, next_step, soon
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.runner.telling import tell_claim
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
        """Do one wave, and those that it opens as it is recorded. False if there was nothing to do."""
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
        return min(self.rests.soonest_s(), self.outlook.whole_in_s(self.name))

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
            opened = await self._open(queue, in_hand, reason, size=size, limited=limited)
        if isinstance(opened, Wait):
            self.rests.put(queue.id, min(opened.seconds, LONGEST_NAP_S))
            return False
        if opened is None:
            self.courtesy.came_late(queue)
            return False
        self.courtesy.came_first(queue)
        done = set()
        until = time.monotonic() + min(relay.LONGEST_S, self.holder.lease_s / 4)
        while opened is not None:
            done.add(opened.queue.id)
            tell_claim(opened.queue, opened.wave)
            opened = await self._hold(opened, until=until)
        for queue_id in done:
            await self.pace.tell(self.database, queue_id)
        self.after_wave()
        return True

    async def _open(
        self, queue: waves.Queue, step: StepInHand, reason: str, *, size: int, limited: Sequence[Limited]
    ) -> Opened | Wait | None:
        """Claim a wave, and begin its items in the same transaction if they are few."""
        wave: waves.Wave | Wait | None = None
        try:
            # The transaction ends first: a reading may wait for its connection, behind a pooler for the server's.
            async with AsyncExitStack() as beside, self.database.transaction(by_key=True) as connection:
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
                opened = Opened(queue=queue, step=step, wave=wave)
                reading = await beside.enter_async_context(relay.beside(self._read_beside(wave, limited)))
                await self._begin_few(connection, opened, reading)
                return opened
        except BaseException:
            if isinstance(wave, waves.Wave):
                await self.holder.give_back(wave)
            raise

    async def _read_beside(self, wave: waves.Wave, limited: Sequence[Limited]) -> Ahead | None:
        """Read what the items of a small wave need of the user's tables, where no account is locked meanwhile."""
        in_hand = self._few(wave) if not limited else None
        return await read_beside(self.database, in_hand, wave.items) if in_hand is not None else None

    def _few(self, wave: waves.Wave) -> Mapping[int, StepInHand] | None:
        """Return the steps of a small wave by id; None if it is none, or if they have not been read yet."""
        return self.steps.at_hand(item.run_step_id for item in wave.items) if len(wave.items) <= relay.MOST else None

    async def _begin_few(self, connection: Connection, opened: Opened, reading: Reading) -> None:
        """Begin what can be done of a small wave, and nothing where that takes more than this transaction should."""
        wave = opened.wave
        in_hand = self._few(wave)
        if in_hand is None:
            return
        prepared = await prepare_within(connection, in_hand, wave.items, await soon(reading))
        if prepared is not None:
            await self._begin(connection, opened, prepared)

    async def _begin(self, connection: Connection, opened: Opened, prepared: Prepared) -> None:
        """Begin what is prepared: the last thing that the transaction does."""
        self.weights.given(opened.wave.queue_id, [one.size for one in prepared.ready])
        charged = await charge(connection, prepared.ready)
        stopped = [*prepared.stopped, *charged.stopped]
        opened.going = Going(started=charged.going, stopped=stopped)  # as far as is known if the answer does not come
        opened.going = Going(started=await start(connection, opened.wave, charged.going, last=True), stopped=stopped)

    async def _hold(self, opened: Opened, *, until: float) -> Opened | None:
        """Do a wave under its lease. Returns the one that was opened as it was recorded; None: somebody has to look."""
        wave, queue, pinned = opened.wave, opened.queue, opened.step.pinned
        limited = bool(limits_of(pinned))
        self.limit_s = attempt_limit_s(pinned.patience, queue.measured, errors=max(item.errors for item in wave.items))
        # For each item a call, and as long again for what it has the database do.
        deadline_s = 2 * self.limit_s * len(wave.items) + self.holder.lease_s
        relays = not limited and len(wave.items) <= relay.MOST
        self.relay = following = (
            Relay(ask=partial(self._follow, until=until), begin=self._begin_few, read=self._read) if relays else None
        )
        try:
            # Nobody waits for it to be closed, unless an account counts how many are open.
            await self.holder.work(wave, lambda _: self._do(opened), deadline_s=deadline_s, closes_soon=not limited)
        except BaseException:
            if following and following.opened:
                await self.holder.give_back(following.opened.wave)
            raise
        if following and following.opened and not following.stands:
            await self.holder.give_back(following.opened.wave)
        return following.opened if following and following.stands else None

    async def _read(self, moves: Sequence[Move]) -> Ahead | None:
        """Read what the step that follows names of its records."""
        run_step_id = next_step(moves)
        if run_step_id is None or (in_hand := self.steps.at_hand([run_step_id])) is None:
            return None
        return await read_ahead(self.database, in_hand[run_step_id], [move.item for move in moves])

    def _follow(self, connection: Connection, moves: Sequence[Move], *, until: float) -> Following | None:
        """Ask for the next wave in the transaction that records the last one."""
        queue_id = next_queue(moves) if time.monotonic() < until and self.holder.may_claim else None
        queue = self._next(queue_id) if queue_id is not None else None
        step = self.steps.at_hand([queue.run_step_id]) if queue is not None else None
        if queue is None or step is None:
            return None
        in_hand, pace = step[queue.run_step_id], self.pace.of(queue.id)
        limited = limits_of(in_hand.pinned) or in_hand.pinned.limits
        if limited or pace is None or pace * len(moves) > relay.LONGEST_S:
            return None
        size = max(1, min(relay.MOST, self._size(queue.id), int(relay.LONGEST_S / max(pace, 0.001))))
        claiming = self.holder.ask_claim(connection, queue.id, size=size, reason="next step", held=queue.held)
        return Following(queue=queue, step=in_hand, claiming=claiming)

    def _next(self, queue_id: int) -> waves.Queue | None:
        """Return a queue, if a look has seen it as this lane's to serve, and nobody else at it."""
        queue = self.outlook.last_seen(queue_id)
        if queue is None or queue.lane != self.name or queue.waiting.others or not self._may_serve(queue):
            return None
        return queue

    @abc.abstractmethod
    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        """Do items that have started, and record them. Returns how many were still ours."""

    async def _do(self, opened: Opened) -> int:
        wave = opened.wave
        if opened.going is None:
            prepared = await prepare(self.database, self.steps, wave.items)
            async with self.database.transaction(by_key=True) as connection:
                await self._begin(connection, opened, prepared)
        going = opened.going
        assert going is not None, "what is prepared has begun"
        done = await quarantine(self.database, wave, going.stopped)
        return done + (await self._work(wave, going.started) if going.started else 0)

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
