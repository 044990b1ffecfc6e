"""A wave under its lease: kept while it is worked on, and its work given back after, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from wave_runner.core.control import Told
from wave_runner.core.rates import booking, wait_s
from wave_runner.store import accounts, interactions, waves
from wave_runner.store.accounts import Limited
from wave_runner.store.database import Database, Unavailable
from wave_runner.store.heartbeat import Heartbeat
from wave_runner.store.staging import LostWave

log = logging.getLogger("wave_runner.runner")


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing was claimed: whoever does the work allows no more for so many seconds."""

    seconds: float


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

    @property
    def may_claim(self) -> bool:
        """Whether nobody has told this runner to begin nothing more."""
        return self.told is Told.WORK

    async def claim(
        self,
        queue_id: int,
        *,
        size: int,
        reason: str,
        held: Sequence[int],
        front: waves.Front = waves.BEFORE_ALL,
        server: str | None = None,
        slot: int | None = None,
        visit_id: int | None = None,
        limited: Sequence[Limited] = (),
    ) -> waves.Wave | Wait | None:
        """Claim a wave; None if others were first. `limited` are those who allow so many waves only."""
        self.next_seq += 1
        async with self.database.transaction(by_key=True) as connection:
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
                visit_id=visit_id,
            )
            if wave is not None:
                await accounts.book(connection, [(one, booking(one.rate, tokens=0)) for one in limited])
            return wave

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
        closes_later: bool = False,
    ) -> int:
        """Do a wave under its lease. Returns how many of its items were recorded.

        If the wave is lost its work is cancelled at once: another runner may have it. If the runner stops, what had
        begun is given back uncharged. With `closes_later` a wave that is done is closed while the next one is begun.
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
                log.warning("wave %s was lost: its lease could not be kept; others may have its work", wave.wave_id)
            elif wave.wave_id not in self.cancelled:
                raise
        except LostWave as error:
            log.warning("%s; what it asked for was refused", error)
        finally:
            self.heartbeat.drop(wave.wave_id)
            self.tasks.pop(wave.wave_id)
            if wave.wave_id not in self.lost:
                closing = asyncio.create_task(self._give_back(wave, done))
                self.closings.add(closing)
                closing.add_done_callback(self.closings.discard)
                if not closes_later or done < len(wave.items):
                    await asyncio.shield(closing)
            self.lost.discard(wave.wave_id)
            self.cancelled.discard(wave.wave_id)
        return done

    async def close_all(self) -> None:
        """Return when every wave that is done has been closed."""
        await asyncio.gather(*self.closings)

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

    async def _give_back(self, wave: waves.Wave, done: int) -> None:
        try:
            async with self.database.transaction(by_key=True) as connection:
                if done < len(wave.items):
                    await interactions.release(connection, wave)
                await waves.close(connection, wave, done=done)
        except Unavailable as error:
            # Nothing is lost: the lease runs out, and a sweeper gives the work back.
            log.warning("wave %s: the database is away, its lease will run out (%s)", wave.wave_id, error)
