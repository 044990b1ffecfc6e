"""What a simulation is held against: the same work without a planner."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from wave_runner.core.course import Place, line
from wave_runner.core.residency import evictions
from wave_runner.core.simulation import (
    NEVER,
    Decision,
    Machine,
    Outcome,
    Queue,
    Server,
    Simulation,
    Waits,
    Work,
    waits_of,
    within,
)
from wave_runner.core.walk import Crowd, Draw, Flow, of_each
from wave_runner.core.workflow import ActorKind


def fifo(simulation: Simulation, server: Server) -> Decision:
    """Whoever came first, whichever model that needs."""
    queues = simulation.waiting()
    if not queues:
        return None
    queue = min(queues, key=lambda one: (one.head_s, one.position))
    next_s = min((one.head_s for one in queues if one.key != queue.key), default=NEVER)
    return queue, _oldest(simulation, server, queue), max(1, queue.crowds[0].until(next_s))


def drain(simulation: Simulation, server: Server) -> Decision:
    """The model that is loaded until nothing waits for it, then the one for which the most waits."""
    queues = simulation.waiting()
    if not queues:
        return None
    here = [queue for queue in queues if queue.key in server.served_s]
    if here:
        queue = min(here, key=lambda one: (one.key != server.current, one.position))
        return queue, (), within(simulation, queue, NEVER)
    backlog: dict[str, int] = {}
    for one in queues:
        backlog[one.key] = backlog.get(one.key, 0) + one.n
    most = max(backlog, key=lambda key: backlog[key])
    queue = min((one for one in queues if one.key == most), key=lambda one: one.position)
    return queue, _oldest(simulation, server, queue), within(simulation, queue, NEVER)


def _oldest(simulation: Simulation, server: Server, queue: Queue) -> tuple[str, ...]:
    """Return what goes for a model: no plan is made, so what has been there longest."""
    return () if queue.key in server.served_s else _evicted(simulation.machine, list(server.served_s), queue.key)


def _evicted(machine: Machine, there: Sequence[str], key: str) -> tuple[str, ...]:
    """Return what goes for a model; what stands first in `there` goes first."""
    size = {name: model.bytes for name, model in machine.models.items()}
    needed_last_first = [line(*reversed(there))]
    return evictions(key, courses=needed_last_first, size=size, room=machine.room, resident=there) or ()


@dataclass
class _Alone:
    """One server that takes each record through all its steps before the next."""

    there: list[str] = field(default_factory=list)  # models, the one used longest ago first


@dataclass
class _Record:
    """One record: of which work, and when it came."""

    work: Work
    came_s: float


class PerRecord:
    """The work record by record: every step of one is done before the first of the next, on each server."""

    def __init__(self, work: Sequence[Work], machine: Machine, *, draw: Draw) -> None:
        self._machine = machine
        self._draw = draw
        self._work = work
        self._loads = self._calls = self._failed = 0
        self._load_s = self._work_s = 0.0
        self._waits: list[tuple[int, float, float]] = []

    def run(self) -> Outcome:
        """Do all of it."""
        free = [(0.0, number, _Alone()) for number in range(self._machine.servers)]
        ends = []
        for record in sorted(self._records(), key=lambda one: one.came_s):
            free_s, number, server = heapq.heappop(free)
            begun_s = max(free_s, record.came_s)
            end_s = begun_s + self._do(record, server, begun_s)
            ends.append(end_s)
            heapq.heappush(free, (end_s, number, server))
        return Outcome(
            loads=self._loads,
            load_s=self._load_s,
            work_s=self._work_s,
            makespan_s=max(ends, default=0.0),
            first_s=min(ends, default=0.0),
            waits=waits_of(self._waits),
            calls=self._calls,
            failed=self._failed,
            least_loads=0,
        )

    def _records(self) -> Iterator[_Record]:
        for work in self._work:
            for number in range(work.records):
                yield _Record(work, number / work.per_s if work.per_s else 0.0)

    def _do(self, record: _Record, server: _Alone, begun_s: float) -> float:
        """Take a record through, and return the seconds that it took."""
        took_s, ready_s = 0.0, record.came_s - begun_s
        for place in path(record.work.flow, self._draw):
            seconds = record.work.seconds.get(place[0], 0.0)
            key = record.work.keys.get(place[0])
            if key is None:
                # A person keeps one record waiting, and nothing else.
                took_s += seconds if record.work.flow.kind(place) is not ActorKind.HUMAN else 0.0
                continue
            took_s += self._load(server, key)
            self._waits.append((1, took_s - ready_s, took_s - ready_s))
            for attempt in range(1, self._machine.max_attempts + 1):
                self._calls += 1
                self._work_s += seconds / self._machine.slots
                took_s += seconds / self._machine.slots
                if self._machine.fails <= 0 or self._draw() >= self._machine.fails:
                    break
                if attempt == self._machine.max_attempts:
                    self._failed += 1
                    return took_s
            ready_s = took_s
        return took_s

    def _load(self, server: _Alone, key: str) -> float:
        if key in server.there:
            server.there.remove(key)
            server.there.append(key)
            return 0.0
        for gone in _evicted(self._machine, server.there, key):
            server.there.remove(gone)
        server.there.append(key)
        self._loads += 1
        self._load_s += self._machine.models[key].load_s
        return self._machine.models[key].load_s


def path(flow: Flow, draw: Draw) -> list[Place]:
    """Return the places of one record in the order in which it would be taken through alone."""
    found: list[Place] = []
    arrived: dict[Place, set[str]] = {}
    waiting: list[tuple[Place, str]] = [(flow.entry, "")]
    while waiting:
        place, source = waiting.pop()
        if place in flow.joins and source:
            inputs = arrived.setdefault(place, set())
            inputs.add(source)
            if len(inputs) < len(flow.joins[place]) and waiting:
                continue  # whatever else there is comes first; the last one opens the join
        found.append(place)
        ways = [to for to, _, goes in of_each(Crowd(1, 0.0, 0.0), flow.fans[place], draw) if goes and to is not None]
        waiting += [(to, place[0]) for to in reversed(ways)]
    return found


def scaled(outcome: Outcome, by: float, *, batch: bool) -> Outcome:
    """Return what so many times as many records would come to; of a stream the waits stay what they are."""
    waits = outcome.waits
    if batch:
        waits = Waits(p50_s=waits.p50_s * by, p95_s=waits.p95_s * by, max_s=waits.max_s * by)
    return replace(
        outcome,
        loads=round(outcome.loads * by),
        load_s=outcome.load_s * by,
        work_s=outcome.work_s * by,
        makespan_s=outcome.makespan_s * by,
        calls=round(outcome.calls * by),
        failed=round(outcome.failed * by),
        waits=waits,
    )
