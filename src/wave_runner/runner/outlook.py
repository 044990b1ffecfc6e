"""What waits for a runner's lanes, asked for all of them at once: many lanes that look cost the database one look."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

from wave_runner.errors import WaveError
from wave_runner.store import waves
from wave_runner.store.database import Database

# As long as somebody reads an old snapshot, what was claimed since stands in the way of every look from the beginning.
# So looks begin where the last one has found the head, and those from the beginning take a twentieth of a lane's time:
# what comes before a front (a retry, more urgent work) waits for them, as a rule some hundredths of a second.
SELDOM = 20
# While a look from the beginning takes so long, nothing is relayed: a claim without a look begins there too.
SLOW_S = 0.01


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
        slow_s: float = SLOW_S,
        seldom: float = SELDOM,
    ) -> None:
        self._database = database
        self._runner_id = runner_id
        self._lease_s = lease_s
        self._labels = labels
        self._before_look = before_look
        self._slow_s = slow_s
        self._seldom = seldom
        self._looking = asyncio.Lock()
        self._next: asyncio.Task[Sequence[waves.Queue]] | None = None
        self._looks: set[asyncio.Task[Sequence[waves.Queue]]] = set()
        self._asked: set[str] = set()
        self._whole = False
        self._held: Sequence[int] = ()
        self._claiming: Counter[int] = Counter()
        self._fronts: Mapping[int, waves.Front] = waves.NO_FRONTS
        self._until: defaultdict[str, float] = defaultdict(float)  # by lane, in time.monotonic(): so long they do
        self._in_part: set[str] = set()  # lanes whose last look was none from the beginning
        self._is_slow = False
        self._last_seen: dict[int, waves.Queue] = {}
        self._seen: dict[str, list[waves.Queue]] = {}
        self.trouble: WaveError | None = None

    async def of(self, lane: str, *, whole: bool = False) -> list[waves.Queue]:
        """Return the queues of a lane that have claimable work, as they stand after the call.

        What came before their heads since the last look from the beginning may be left out (`whole_in_s` says for how
        long), and a queue that has nothing else, unless the look has to be whole.
        """
        self._asked.add(lane)
        self._whole |= whole
        if self._next is None:
            self._next = asyncio.create_task(self._look())
            self._looks.add(self._next)
            self._next.add_done_callback(self._looks.discard)
        found = await asyncio.shield(self._next)  # others wait for it too
        self._seen[lane] = [queue for queue in found if queue.lane == lane]
        return self._seen[lane]

    def whole_in_s(self, lane: str) -> float:
        """Return the seconds until a look of a lane begins from the beginning; infinite where the last one did."""
        return max(0.0, self._until[lane] - time.monotonic()) if lane in self._in_part else math.inf

    def last_seen(self, queue_id: int) -> waves.Queue | None:
        """Return a queue as a look has last seen it with work; None if none has, or if looks are slow now."""
        return self._last_seen.get(queue_id) if not self._is_slow else None

    @contextmanager
    def claiming(self, queue_id: int, size: int) -> Iterator[None]:
        """While the block claims so much of a queue, the other lanes leave that to it: each would try in vain."""
        self._claiming[queue_id] += size
        try:
            yield
        finally:
            self._claiming[queue_id] -= size

    def leaves_some(self, queue: waves.Queue) -> bool:
        """Say whether a queue has more than other lanes of this runner are claiming at this moment."""
        claiming = self._claiming[queue.id]
        return not claiming or queue.waiting.waiting > claiming

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
            lanes, whole = self._asked, self._whole
            self._asked, self._whole, self._next = set(), False, None
            self.trouble = await self._before_look()
            if self.trouble is not None:
                return []
            return await self._look_at(sorted(lanes), whole=whole)

    async def _look_at(self, lanes: Sequence[str], *, whole: bool) -> Sequence[waves.Queue]:
        """Look from where the heads were seen; from the beginning as soon as it is time for one of the lanes."""
        began = time.monotonic()
        whole = whole or any(began >= self._until[lane] for lane in lanes)
        look = await self._waiting(lanes, {} if whole else self._fronts)
        if whole:
            took_s = time.monotonic() - began
            self._until |= dict.fromkeys(lanes, began + took_s * self._seldom)
            self._is_slow = took_s > self._slow_s
            self._in_part -= set(lanes)
        else:
            self._in_part |= set(lanes)
        # Of a queue that has nothing now as well: what it had is still in the way.
        self._fronts = {**self._fronts, **{queue.id: queue.front for queue in look.queues}}
        self._held = look.held
        self._last_seen |= {queue.id: queue for queue in look.queues}
        return look.queues

    async def _waiting(self, lanes: Sequence[str], fronts: Mapping[int, waves.Front]) -> waves.Look:
        return await waves.waiting(
            self._database,
            lanes,
            runner_id=self._runner_id,
            lease_s=self._lease_s,
            labels=self._labels,
            held=self._held,
            fronts=fronts,
        )
