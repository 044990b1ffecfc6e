"""What waits for a runner's lanes, asked for all of them at once: many lanes that look cost the database one look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from wave_runner.errors import WaveError
from wave_runner.store import waves
from wave_runner.store.database import Database


class Outlook:
    """One look is under way at a time. Whoever asks meanwhile shares the next: it begins after the question.

    Each begins with `before_look`, which may say why no wave may be opened: that is `trouble`, and no lane has work.
    """

    def __init__(
        self,
        database: Database,
        *,
        runner_id: UUID,
        lease_s: float,
        labels: Sequence[str],
        before_look: Callable[[], Awaitable[WaveError | None]],
    ) -> None:
        self._database = database
        self._runner_id = runner_id
        self._lease_s = lease_s
        self._labels = labels
        self._before_look = before_look
        self._looking = asyncio.Lock()
        self._next: asyncio.Task[Sequence[waves.Queue]] | None = None
        self._looks: set[asyncio.Task[Sequence[waves.Queue]]] = set()
        self._asked: set[str] = set()
        self._held: Sequence[int] = ()
        self._seen: dict[str, list[waves.Queue]] = {}
        self.trouble: WaveError | None = None

    async def of(self, lane: str) -> list[waves.Queue]:
        """Return the queues of a lane that have claimable work, as they stand after the call."""
        self._asked.add(lane)
        if self._next is None:
            self._next = asyncio.create_task(self._look())
            self._looks.add(self._next)
            self._next.add_done_callback(self._looks.discard)
        found = await asyncio.shield(self._next)  # others wait for it too
        self._seen[lane] = [queue for queue in found if queue.lane == lane]
        return self._seen[lane]

    async def close(self) -> None:
        """End the looks that are under way: nobody waits for them any more."""
        looks = list(self._looks)
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    @property
    def drifted(self) -> list[str]:
        """The actors that have work and have drifted."""
        return sorted({queue.actor for queue in self._queues() if queue.drifted})

    @property
    def paused(self) -> list[str]:
        """The actors that have work and that somebody has paused."""
        return sorted({queue.actor for queue in self._queues() if queue.paused})

    @property
    def lacking(self) -> list[str]:
        """The labels that work needs and no runner has."""
        return sorted({label for queue in self._queues() for label in queue.lacking})

    def _queues(self) -> list[waves.Queue]:
        return [queue for queues in self._seen.values() for queue in queues]

    async def _look(self) -> Sequence[waves.Queue]:
        async with self._looking:
            lanes, self._asked, self._next = self._asked, set(), None
            self.trouble = await self._before_look()
            if self.trouble is not None:
                return []
            look = await waves.waiting(
                self._database,
                sorted(lanes),
                runner_id=self._runner_id,
                lease_s=self._lease_s,
                labels=self._labels,
                held=self._held,
            )
            self._held = look.held
            return look.queues
