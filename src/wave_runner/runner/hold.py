"""A wave under its lease: kept while it is worked on, and its work given back after, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from wave_runner.core.control import Told
from wave_runner.core.rates import booking, wait_s
from wave_runner.runner.telling import tell_over
from wave_runner.store import accounts, interactions, waves
from wave_runner.store.accounts import Limited
from wave_runner.store.database import Connection, Database, Unavailable
from wave_runner.store.heartbeat import Heartbeat
from wave_runner.store.staging import LostWave

log = logging.getLogger("wave_runner.runner")

# Waves that are done within it are closed in one transaction. Much less than is left of any lease.
SOON_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing was claimed: whoever does the work allows no more for so many seconds."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Over:
    """A wave that nobody works on any more, and how much of it was done."""

    wave: waves.Wave
    done: int


@dataclass(kw_only=True)
class Holder:
    """What a runner holds at this moment, by wave."""

    database: Database
    runner_id: UUID
    lease_s: float
    heartbeat: Heartbeat
    next_seq: int = 0
    tasks: dict[int, asyncio.Task[int]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)  # waves of which somebody has cancelled work
    told: Told = Told.WORK
    closings: set[asyncio.Task[None]] = field(default_factory=set)
    over: list[Over] = field(default_factory=list)  # done, and to be closed in a moment
    unclosed: list[Over] = field(default_factory=list)  # the database was away
    hurry: asyncio.Event = field(default_factory=asyncio.Event)  # nothing more will come

    @property
    def may_claim(self) -> bool:
        """Whether nobody has told this runner to begin nothing more."""
        return self.told is Told.WORK

    async def claim(
        self,
        connection: Connection,
        queue_id: int,
        *,
        size: int,
        reason: str,
        held: Sequence[int],
        front: waves.Front = waves.BEFORE_ALL,
        server: str | None = None,
        slot: int | None = None,
        limited: Sequence[Limited] = (),
    ) -> waves.Wave | Wait | None:
        """Claim a wave in the caller's transaction; None if others were first.

        `limited` are those who allow so many waves only.
        """
        self.next_seq += 1
        if limited and (seconds := wait_s(await accounts.lock(connection, limited))):
            return Wait(seconds=seconds)
        wave = await waves.claim(
            connection,
            runner_id=self.runner_id,
            runner_seq=self.next_seq,
            queue_id=queue_id,
            size=size,
            lease_s=self.lease_s,
            reason=reason,
            held=held,
            front=front,
            server=server,
            slot=slot,
        )
        if wave is not None:
            await accounts.book(connection, [(one, booking(one.rate, tokens=0)) for one in limited])
        return wave

    def ask_claim(
        self, connection: Connection, queue_id: int, *, size: int, reason: str, held: Sequence[int]
    ) -> waves.Claiming:
        """Ask to claim a wave in the caller's transaction, which plans by key, of work that nobody limits."""
        self.next_seq += 1
        return waves.ask_claim(
            connection,
            runner_id=self.runner_id,
            runner_seq=self.next_seq,
            queue_id=queue_id,
            size=size,
            lease_s=self.lease_s,
            reason=reason,
            held=held,
        )

    async def claim_overdue(self, *, size: int) -> waves.Wave | None:
        """Claim work that has waited longer than its step allows; None if there is none."""
        self.next_seq += 1
        async with self.database.transaction(by_key=True) as connection:
            return await waves.claim_overdue(
                connection, runner_id=self.runner_id, runner_seq=self.next_seq, size=size, lease_s=self.lease_s
            )

    async def work(
        self,
        wave: waves.Wave,
        do: Callable[[waves.Wave], Awaitable[int]],
        *,
        deadline_s: float,
        closes_soon: bool = False,
    ) -> int:
        """Do a wave under its lease. Returns how many of its items were recorded.

        If the wave is lost its work is cancelled at once: another runner may have it. If the runner stops, what had
        begun is given back uncharged. With `closes_soon` nobody waits until a wave that is done is closed.
        """
        task = asyncio.ensure_future(do(wave))
        self.tasks[wave.wave_id] = task
        self.heartbeat.hold(wave.wave_id, deadline_s=deadline_s)
        done = 0
        try:
            done = await task
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            if wave.wave_id in self.lost:
                message = "wave %s was lost: its lease could not be kept; others may have its work"
                log.warning(message, wave.wave_id, extra={"wave_id": wave.wave_id})
            elif wave.wave_id not in self.cancelled:
                raise
        except LostWave as error:
            log.warning("%s; what it asked for was refused", error)
        finally:
            self.heartbeat.drop(wave.wave_id)
            self.tasks.pop(wave.wave_id)
            if wave.wave_id not in self.lost:
                over = Over(wave=wave, done=done)
                if closes_soon and done == len(wave.items):
                    self._close_soon(over)
                else:
                    await asyncio.shield(self._in_background(self._give_back([over])))
            self.lost.discard(wave.wave_id)
            self.cancelled.discard(wave.wave_id)
            tell_over(wave, done)
        return done

    async def give_back(self, wave: waves.Wave) -> None:
        """Give a wave back as it was claimed, or do nothing if it does not stand: its transaction may have failed."""
        await asyncio.shield(self._in_background(self._give_back([Over(wave=wave, done=0)])))

    async def close_all(self) -> None:
        """Return when every wave that is done has been closed."""
        self.hurry.set()
        await asyncio.gather(*self.closings)
        if self.unclosed:
            await self._give_back([])

    def lose(self, wave_ids: set[int]) -> None:
        """Cancel the work of waves that are not ours any more."""
        for wave_id in wave_ids & self.tasks.keys():
            self.lost.add(wave_id)
            self.tasks[wave_id].cancel()

    def interrupt(self, wave_ids: set[int]) -> None:
        """Stop waves of which work has been cancelled; what else they hold is given back, and begun anew."""
        for wave_id in wave_ids & self.tasks.keys():
            self.cancelled.add(wave_id)
            self.tasks[wave_id].cancel()

    def _in_background(self, closing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(closing)
        self.closings.add(task)
        task.add_done_callback(self.closings.discard)
        return task

    def _close_soon(self, over: Over) -> None:
        """Close a wave together with those that are done within a moment."""
        self.over.append(over)
        if len(self.over) == 1:
            self._in_background(self._close_in_a_moment())

    async def _close_in_a_moment(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.hurry.wait(), SOON_S)
        over, self.over = self.over, []
        await self._give_back(over)

    async def _give_back(self, over: Sequence[Over]) -> None:
        """Close waves, and with them those that could not be closed before; what is not done of them goes back."""
        over, self.unclosed = [*self.unclosed, *over], []
        try:
            async with self.database.transaction(by_key=True) as connection:
                for one in over:
                    if one.done < len(one.wave.items):
                        await interactions.release(connection, one.wave)
                    await waves.close(connection, one.wave, done=one.done)
        except Unavailable as error:
            # Nothing is lost: it is tried again with the next one, or a sweeper gives the work back after its lease.
            self.unclosed += over
            ids = ", ".join(str(one.wave.wave_id) for one in over)
            log.warning("wave %s: the database is away, its lease will run out (%s)", ids, error)
