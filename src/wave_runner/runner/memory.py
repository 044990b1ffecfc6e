"""What a model server has in memory, as the lanes of a runner know it, and which model each of them takes next."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from wave_runner.core.loading import name_in
from wave_runner.core.outcome import Failure
from wave_runner.core.residency import Room
from wave_runner.core.wave import Choice, Linger, Memory, Model, Policy, Resident, Waiting, choose
from wave_runner.core.workflow import ModelSpec
from wave_runner.errors import ModelServerError
from wave_runner.runner.ahead import Ahead
from wave_runner.servers.protocol import Load, ModelServer
from wave_runner.settings import Settings
from wave_runner.store import waves
from wave_runner.store.database import Database

# What a load is taken for until any has been measured on its server.
UNMEASURED_LOAD_S = 5.0
# Where nothing was to be done for now, everything is asked again after so long, or when something else waits: a lane is
# woken by every wave of the others.
THINK_AGAIN_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The lane that asks: what its last wave was of, and whether it still keeps that for what is on its way.

    `lingered_s` is how long it has left alone what waits. `service_s` has the seconds of a record by work key, as far
    as they are measured.
    """

    number: int
    current: str | None
    lingers: bool
    lingered_s: float
    service_s: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What a lane is about, from its choice to the end of the wave: a model, and which leave if it is loaded."""

    work_key: str
    since_s: float  # in time.monotonic()
    evict: tuple[str, ...] = ()  # work keys


class ServerMemory:
    """One for each server of a runner: what a lane is at, the others must not take out of memory.

    A server that is `controlled` loads what it is told, and says what it has. Of any other nobody knows, and what was
    asked last is taken for what is there.
    """

    def __init__(
        self,
        database: Database,
        ahead: Ahead,
        *,
        name: str,
        server: ModelServer,
        controlled: bool,
        room: Room,
        policy: Policy,
    ) -> None:
        self._database = database
        self._ahead = ahead
        self._name = name
        self._server = server
        self._controlled = controlled
        self._room = room
        self._policy = policy
        self._choosing = asyncio.Lock()
        self._served_s: dict[str, float] = {}  # by work key, of what is there, since its load
        self._bytes: dict[str, int] = {}
        self._errands: dict[int, Errand] = {}  # by slot
        # As far as this runner knows: what each queue's model is, and in time.monotonic() when it had its last wave.
        self._turns: dict[int, tuple[str, float]] = {}
        self._visits: dict[int, tuple[str, float]] = {}  # by slot: a work key, and since when
        self._models: Mapping[str, Model] = {}
        self._lingers: dict[int, tuple[object, float, Linger]] = {}  # by slot: in view of what, since when, and why

    async def choose(
        self, waiting: Sequence[Waiting], slot: Slot, look_again: Callable[[], Awaitable[Sequence[Waiting]]]
    ) -> Choice | Linger | None:
        """Choose for a lane; what it is to do is its errand until it is `done`.

        The database and the server are asked only where the model may have to be changed: what is chosen by what they
        said before, and by what these lanes have done since, is never to stay where a change is due.
        """
        async with self._choosing:
            self.done(slot.number)
            asked_s, known = time.monotonic(), self._memory(slot)
            choice = choose(waiting, known, self._policy)
            thought = isinstance(choice, Choice) and choice.queue.work_key != known.current
            if thought and (choice := self._still_lingers(waiting, slot)) is None:
                choice = await self._think(waiting, slot, look_again)
                self._lingers.pop(slot.number, None)
                if isinstance(choice, Linger):
                    self._lingers[slot.number] = (_view(waiting, slot), time.monotonic(), choice)
            if isinstance(choice, Choice):
                evict = choice.evict if thought and self._controlled else ()
                self._errands[slot.number] = Errand(work_key=choice.queue.work_key, since_s=asked_s, evict=evict)
            return choice

    def claimed(self, slot: int, queue_id: int) -> None:
        """A lane has opened a wave for its errand: that queue had its turn."""
        if (errand := self._errands.get(slot)) is None:
            return
        self._turns[queue_id] = (errand.work_key, time.monotonic())
        if self._visits.get(slot, ("", 0.0))[0] != errand.work_key:
            self._visits[slot] = (errand.work_key, errand.since_s)

    def done(self, slot: int) -> None:
        """A lane is at nothing any more."""
        self._errands.pop(slot, None)

    async def load(self, slot: int, model: ModelSpec) -> Load | Failure:
        """Have the model of a lane's errand in memory: what was chosen to leave for it leaves.

        Where nothing had to, as far as was known, the driver makes room by itself. What other lanes are at stays then,
        if they are only between two requests.
        """
        errand = self._errands.get(slot)
        leaving = [name_in(key) for key in errand.evict] if errand is not None and errand.evict else None
        kept = {name_in(other.work_key) for number, other in self._errands.items() if number != slot}
        load = await self._server.ensure_loaded(model.model, model.options, evict=leaving, kept=kept)
        if errand is not None and (isinstance(load, Failure) or load.loaded):
            self._bytes.pop(errand.work_key, None)  # it may take another size than was thought
        return load

    def entered(self, work_key: str, load: Load) -> None:
        """Note that a model is there, and what is no longer there because of it."""
        gone = {*load.evicted, name_in(work_key)}
        stays = {
            key: served_s for key, served_s in self._served_s.items() if self._controlled and name_in(key) not in gone
        }
        served_s = 0.0 if load.loaded else self._served_s.get(work_key, 0.0)
        self._served_s = {**stays, work_key: served_s}

    def worked(self, work_key: str, seconds: float) -> None:
        """Count how long a model has worked since its load."""
        if work_key in self._served_s:
            self._served_s[work_key] += seconds

    def forget(self) -> None:
        """Nothing is known of what is there: the server is another runner's, or was ended."""
        self._served_s.clear()

    def _memory(self, slot: Slot) -> Memory:
        """Return what is known without asking anybody: the models as they were found the last time."""
        now = time.monotonic()
        turns_s = {queue_id: now - at for queue_id, (_, at) in self._turns.items()}
        claimed_s: dict[str, float] = {}
        for queue_id, (key, _) in self._turns.items():
            claimed_s[key] = min(turns_s[queue_id], claimed_s.get(key, turns_s[queue_id]))
        visited, came = self._visits.get(slot.number, ("", now))
        others = [errand for number, errand in self._errands.items() if number != slot.number]
        leaving = {key for errand in others for key in errand.evict}
        at_work = {errand.work_key for errand in others}
        there = {**dict.fromkeys(at_work, 0.0), **self._served_s}
        stays = {key: served_s for key, served_s in there.items() if key in at_work or key not in leaving}
        return Memory(
            resident=[
                Resident(work_key=key, served_s=served_s, busy=key in at_work) for key, served_s in stays.items()
            ],
            current=slot.current if slot.current in stays else None,
            lingered_s=slot.lingered_s,
            room=self._room,
            models=self._models,
            claimed_s=claimed_s,
            turns_s=turns_s,
            visit_s=now - came if visited == slot.current else 0.0,
        )

    def _still_lingers(self, waiting: Sequence[Waiting], slot: Slot) -> Linger | None:
        """Return what was found a moment ago in view of the same work."""
        view, since_s, linger = self._lingers.get(slot.number, (None, 0.0, None))
        fresh = time.monotonic() - since_s < THINK_AGAIN_S
        return linger if fresh and view == _view(waiting, slot) else None

    async def _think(
        self, waiting: Sequence[Waiting], slot: Slot, look_again: Callable[[], Awaitable[Sequence[Waiting]]]
    ) -> Choice | Linger | None:
        """Choose with everything that can be known."""
        courses = await self._ahead.courses()
        asked = {queue.work_key for queue in waiting} | {key for course in courses for key in course.models}
        await self._look(asked)
        kept = {slot.current} if slot.current is not None and slot.lingers else set()
        fed = await waves.fed(self._database, asked - {slot.current} | kept, linger_s=self._policy.linger_s)
        # After it: what was on its way then and is so no more has come, and is seen.
        waiting = await look_again()
        turns = await waves.turns(self._database, self._name)
        now = time.monotonic()
        self._turns |= {turn.queue_id: (turn.work_key, now - turn.seconds) for turn in turns}
        there = {one.work_key for one in self._memory(slot).resident}
        self._models = await self._measured(asked | there | {queue.work_key for queue in waiting}, slot)
        memory = replace(self._memory(slot), fed=fed, courses=courses)
        # A search may take a good part of a second, in which everything else goes on.
        return await asyncio.to_thread(choose, waiting, memory, self._policy)

    async def _look(self, asked: Collection[str]) -> None:
        """Read from the server what is really there; not while others are at it: it may be changing."""
        if not self._controlled or self._errands:
            return
        try:
            there = await self._server.resident()
        except ModelServerError:
            return  # the load will say what is wrong
        keys = {name_in(key): key for key in (*asked, *self._served_s)}
        found = {keys.get(name, name): size for name, size in there.items()}
        # What somebody else has loaded has paid for that long ago.
        self._served_s = {key: self._served_s.get(key, float("inf")) for key in found}
        self._bytes |= {key: size for key, size in found.items() if size is not None}

    async def _measured(self, keys: Collection[str], slot: Slot) -> dict[str, Model]:
        measured_s = await waves.loads_s(self._database, self._name, {name_in(key) for key in keys})
        # Beside those that are measured an unknown one must not seem dear or cheap.
        usual_s = statistics.fmean(measured_s.values()) if measured_s else UNMEASURED_LOAD_S
        return {
            key: Model(
                name=name_in(key),
                load_s=measured_s.get(name_in(key), usual_s),
                service_s=slot.service_s.get(key),
                bytes=await self._size(key),
            )
            for key in keys
        }

    async def _size(self, work_key: str) -> int:
        """Return the bytes that a model takes, where they are counted; 0 where nobody knows."""
        if self._room.bytes is None:
            return 0
        if work_key not in self._bytes:
            try:
                size = await self._server.size(name_in(work_key))
            except ModelServerError:
                size = None
            if size is None:
                return 0
            self._bytes[work_key] = size
        return self._bytes[work_key]


def _view(waiting: Sequence[Waiting], slot: Slot) -> object:
    """Return what a lane chooses by, but for what grows with time alone."""
    queues = {(queue.queue_id, queue.waiting, queue.head, queue.rank) for queue in waiting}
    return queues, slot.current, slot.lingers


def policy_of(settings: Settings) -> Policy:
    """Return how long work may wait, and what a load must be worth, as the settings say."""
    overdue_s = float("inf") if settings.overdue_s == "none" else settings.overdue_s
    return Policy(overdue_s=overdue_s, theta=settings.theta, fill=settings.fill, linger_s=settings.linger_s)
