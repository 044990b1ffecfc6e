"""A workload on a virtual clock: the same planner, with seconds that are added up instead of waited for.

What is simulated: servers that keep some models in memory and work on so many records at once, scripts in slots,
people who take a given time, branches and failures by chance. What is not: priorities, rate limits, and that a call
takes longer for one record than for another. A server does a wave as one piece: as long as nothing can come up that
would change its choice, it does not have to be asked. So the time of a simulation grows with the changes of model, and
not with the records.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wave_runner.core.course import Course, Place, course, through
from wave_runner.core.residency import Room, least_loads
from wave_runner.core.walk import Crowd, Draw, Flow, Gate, of_each, some_of
from wave_runner.core.wave import Choice, Linger, Memory, Model, Policy, Resident, Waiting, choose
from wave_runner.core.workflow import ActorKind

# Longer than this nothing is decided without a look at what has come meanwhile, from scripts or other servers.
LONGEST_WAVE_S = 3600.0
SHARED_WAVE_S = 30.0
# More crowds than this in one queue are put together: their ages are near each other by then.
MOST_CROWDS = 500
MOST_ARRIVALS = 10_000
RETRY_S = 2.0
SHORTEST_S = 0.001  # of a pause: seconds that are added up are never exactly what they should be
NEVER = math.inf


@dataclass(frozen=True, kw_only=True)
class Work:
    """So many records of a workflow: all at once, or `per_s` of them each second.

    `keys` has the model of each step that one does, `seconds` what each step takes for one record.
    """

    flow: Flow
    records: int
    keys: Mapping[str, str]
    seconds: Mapping[str, float]
    per_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What there is to work with: `servers` alike, each with room for models and `slots` requests at once."""

    models: Mapping[str, Model]
    servers: int = 1
    slots: int = 1
    room: Room = field(default_factory=Room)
    script_slots: int = 2
    fails: float = 0.0  # which part of the calls of a model fails
    max_attempts: int = 3


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How long records have waited for a model when it began with them, in seconds; of all their steps together."""

    p50_s: float
    p95_s: float
    max_s: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a policy has made of it. `first_s` is when the first record was at an end, `makespan_s` the last."""

    loads: int
    load_s: float
    work_s: float
    makespan_s: float
    first_s: float
    waits: Waits
    calls: int
    failed: int
    least_loads: int


@dataclass(eq=False)
class Queue:
    """What waits at one step of one workflow for its model."""

    number: int
    key: str
    work: int
    place: Place
    position: int
    crowds: deque[Crowd] = field(default_factory=deque)
    n: int = 0  # of all crowds together

    @property
    def head_s(self) -> float:
        return self.crowds[0].first_s

    def put(self, crowd: Crowd) -> None:
        self.n += crowd.n
        if len(self.crowds) >= MOST_CROWDS and self.crowds[-1].attempt == crowd.attempt:
            last = self.crowds.pop()
            crowd = Crowd(last.n + crowd.n, last.first_s, max(last.last_s, crowd.last_s), crowd.attempt)
        self.crowds.append(crowd)

    def take(self, n: int) -> list[Crowd]:
        taken: list[Crowd] = []
        while n > 0 and self.crowds:
            head, rest = self.crowds.popleft().split(n)
            if rest:
                self.crowds.appendleft(rest)
            taken.append(head)
            n -= head.n
            self.n -= head.n
        return taken


@dataclass(eq=False)
class Server:
    """One model server: what is in its memory, since when it does nothing, and what it does until when."""

    served_s: dict[str, float] = field(default_factory=dict)
    current: str | None = None
    came_s: float = 0.0  # to the current model
    idle_since_s: float | None = None
    lingers_since_s: float | None = None  # it has left alone what waits
    busy: bool = False


Decision = tuple[Queue, tuple[str, ...], int] | float | None
"""A queue, what to evict for it and how many to do; or until when to wait; or None where there is nothing to do."""

Decide = Callable[["Simulation", Server], Decision]


class Simulation:
    """One run of a workload under one policy. `draw` is its dice; the same dice give the same run."""

    def __init__(self, work: Sequence[Work], machine: Machine, decide: Decide, *, policy: Policy, draw: Draw) -> None:
        self.work = work
        self.machine = machine
        self.policy = policy
        self.now_s = 0.0
        self._decide = decide
        self._draw = draw
        self.servers = [Server() for _ in range(machine.servers)]
        self.queues: dict[tuple[int, Place], Queue] = {}
        self.claimed_s: dict[str, float] = {}
        self.turns_s: dict[int, float] = {}
        self._live: list[dict[Place, int]] = [{} for _ in work]
        self._taken: list[set[Place]] = [set() for _ in work]
        self._gates: dict[tuple[int, Place], Gate] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._tie = itertools.count()
        self._coming: dict[str, int] = {}  # to each model, from scripts and people
        self._scripts_free_s = 0.0
        self._courses: dict[tuple[int, frozenset[str]], Course] = {}
        self._waits: list[tuple[int, float, float]] = []
        self._loads = self._calls = self._failed = 0
        self._load_s = self._work_s = self._last_s = 0.0
        self._first_s = NEVER

    def run(self) -> Outcome:
        """Let everything come, and go on until nothing is left."""
        for number, work in enumerate(self.work):
            self._let_come(number, work)
        while self._events or self._release():
            self.now_s = max(self.now_s, self._events[0][0])
            while self._events and self._events[0][0] <= self.now_s:
                heapq.heappop(self._events)[2]()
            for server in self.servers:
                if not server.busy:
                    self._turn(server)
        return self._outcome()

    def waiting(self) -> list[Queue]:
        """Return the queues in which somebody waits."""
        return [queue for queue in self.queues.values() if queue.crowds]

    def courses(self) -> list[Course]:
        """Return what is ahead of the records that are under way, of each workflow."""
        found = []
        for number, live in enumerate(self._live):
            names = frozenset(place[0] for place, n in live.items() if n)
            if names:
                if (number, names) not in self._courses:
                    work = self.work[number]
                    self._courses[number, names] = course(work.flow.steps, work.keys, names)
                found.append(self._courses[number, names])
        return found

    def is_fed(self, key: str) -> bool:
        """Say whether records are on their way to a model, from scripts or people."""
        return self._coming.get(key, 0) > 0

    def service_s(self, queue: Queue) -> float:
        """Return the seconds for one record, as many at once as there are slots."""
        return self.work[queue.work].seconds.get(queue.place[0], 0.0) / self.machine.slots

    # --- what happens ----------------------------------------------------------------------------------------------

    def _at(self, time_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time_s, next(self._tie), do))

    def _let_come(self, number: int, work: Work) -> None:
        if work.per_s is None:
            self._at(0.0, lambda: self._enter(number, work.flow.entry, Crowd(work.records, 0.0, 0.0)))
            return
        parts = min(work.records, MOST_ARRIVALS)
        for part in range(parts):
            first, last = work.records * part // parts, work.records * (part + 1) // parts - 1
            crowd = Crowd(last - first + 1, first / work.per_s, last / work.per_s)
            self._at(crowd.last_s, lambda crowd=crowd: self._enter(number, work.flow.entry, crowd))  # type: ignore[misc]

    def _enter(self, number: int, place: Place, crowd: Crowd, source: str = "") -> None:
        """Let a crowd come to a place: into its queue, past whoever does it, or to wait for the others of a join."""
        flow = self.work[number].flow
        if place in flow.joins and source:
            for whole in self._gate(number, place).arrive(source, crowd):
                self._begin(number, place, whole)
        else:
            self._begin(number, place, crowd)

    def _begin(self, number: int, place: Place, crowd: Crowd) -> None:
        work = self.work[number]
        self._taken[number].add(place)
        self._live[number][place] = self._live[number].get(place, 0) + crowd.n
        if place[0] in work.keys:
            self._queue(number, place).put(crowd)
            return
        seconds = work.seconds.get(place[0], 0.0)
        first_s, last_s = crowd.first_s + seconds, crowd.last_s + seconds
        if work.flow.kind(place) in (ActorKind.SCRIPT, ActorKind.SQL) and seconds > 0:
            begun_s = max(crowd.first_s, self._scripts_free_s)
            self._scripts_free_s = begun_s + crowd.n * seconds / self.machine.script_slots
            first_s, last_s = begun_s + seconds, max(last_s, self._scripts_free_s)
        done = Crowd(crowd.n, first_s, last_s)
        if last_s <= self.now_s:
            self._leave(number, place, done)
            return
        fed = [work.keys[to[0]] for to in work.flow.places[place] if to[0] in work.keys]
        self._feed(fed, +1)

        def end() -> None:
            self._feed(fed, -1)
            self._leave(number, place, done)

        self._at(last_s, end)

    def _feed(self, keys: Sequence[str], by: int) -> None:
        for key in keys:
            self._coming[key] = self._coming.get(key, 0) + by

    def _leave(self, number: int, place: Place, crowd: Crowd) -> None:
        self._live[number][place] -= crowd.n
        flow = self.work[number].flow
        for to, some, goes in of_each(crowd, flow.fans[place], self._draw):
            if not goes:
                self._pass_by(number, place, to, some)
            elif to is None:
                self._first_s = min(self._first_s, some.first_s)
                self._last_s = max(self._last_s, some.last_s)
            else:
                self._enter(number, to, some, source=place[0])

    def _pass_by(self, number: int, place: Place, to: Place | None, crowd: Crowd) -> None:
        """Tell the join behind a branch that these do not come by it."""
        flow = self.work[number].flow
        while to is not None and to not in flow.joins:
            place, to = to, next(iter(flow.places[to]), None)
        if to is not None:
            self._enter(number, to, crowd, source=place[0])

    def _gate(self, number: int, place: Place) -> Gate:
        flow = self.work[number].flow
        return self._gates.setdefault((number, place), Gate({name: [] for name in flow.joins[place]}))

    def _release(self) -> bool:
        """When nothing else happens any more: what a join has waited for in vain was on nobody's way."""
        for (number, place), gate in self._gates.items():
            if any(gate.inputs.values()):
                for crowd in list(gate.release()):
                    self._begin(number, place, Crowd(crowd.n, self.now_s, self.now_s))
                self._at(self.now_s, lambda: None)
                return True
        return False

    def _queue(self, number: int, place: Place) -> Queue:
        if (number, place) not in self.queues:
            work = self.work[number]
            position = list(work.flow.steps).index(place[0])
            self.queues[number, place] = Queue(
                number=len(self.queues), key=work.keys[place[0]], work=number, place=place, position=position
            )
        return self.queues[number, place]

    # --- servers ---------------------------------------------------------------------------------------------------

    def _turn(self, server: Server) -> None:
        decision = self._decide(self, server)
        if decision is None or isinstance(decision, float):
            if server.idle_since_s is None:
                server.idle_since_s = self.now_s
            if decision is not None and decision > self.now_s:
                self._at(decision, lambda: None)
            return
        queue, evict, n = decision
        server.idle_since_s = None
        if queue.key != server.current:
            server.came_s = self.now_s
        begin_s = self.now_s + self._loaded(server, queue.key, evict)
        service_s = self.service_s(queue)
        taken = queue.take(max(1, n))
        count = sum(crowd.n for crowd in taken)
        took_s = service_s * count
        if count < self.machine.slots:  # the last few do not share their slots with anybody
            took_s = service_s * self.machine.slots
        server.served_s[queue.key] += took_s
        self.claimed_s[queue.key] = self.turns_s[queue.number] = self.now_s
        self._work_s += took_s
        self._calls += count
        at_s = begin_s
        done = []
        for crowd in taken:
            end_s = at_s + crowd.n * service_s
            last_begun_s = max(at_s, end_s - service_s)
            self._waits.append((crowd.n, max(0.0, at_s - crowd.first_s), max(0.0, last_begun_s - crowd.last_s)))
            done.append(Crowd(crowd.n, min(at_s + service_s, end_s), end_s, crowd.attempt))
            at_s = end_s
        server.busy = True
        self._at(begin_s + took_s, lambda: self._done(server, queue, done))

    def _loaded(self, server: Server, key: str, evict: Sequence[str]) -> float:
        """Make a model resident, and return what that takes."""
        server.current = key
        if key in server.served_s:
            return 0.0
        for gone in evict:
            del server.served_s[gone]
        server.served_s[key] = 0.0
        self._loads += 1
        self._load_s += self.machine.models[key].load_s
        return self.machine.models[key].load_s

    def _done(self, server: Server, queue: Queue, done: Sequence[Crowd]) -> None:
        server.busy = False
        for crowd in done:
            failed = some_of(crowd.n, self.machine.fails, self._draw)
            if failed:
                self._fail(queue, crowd._replace(n=failed))
            if failed < crowd.n:
                self._leave(queue.work, queue.place, Crowd(crowd.n - failed, crowd.first_s, crowd.last_s))

    def _fail(self, queue: Queue, crowd: Crowd) -> None:
        if crowd.attempt >= self.machine.max_attempts:
            self._failed += crowd.n
            self._live[queue.work][queue.place] -= crowd.n
            self._last_s = max(self._last_s, crowd.last_s)
            # A join does not wait for them: what else there is of these records goes on.
            places = self.work[queue.work].flow.places
            self._pass_by(queue.work, queue.place, next(iter(places[queue.place]), None), crowd)
            return
        again = Crowd(crowd.n, crowd.first_s + RETRY_S, crowd.last_s + RETRY_S, crowd.attempt + 1)
        self._feed([queue.key], +1)

        def come_back() -> None:
            self._feed([queue.key], -1)
            queue.put(again)

        self._at(again.last_s, come_back)

    # --- what came of it -------------------------------------------------------------------------------------------

    def _outcome(self) -> Outcome:
        assert not self.waiting(), "somebody waits, and nothing will come to end that"
        return Outcome(
            loads=self._loads,
            load_s=self._load_s,
            work_s=self._work_s,
            makespan_s=self._last_s,
            first_s=self._first_s if self._first_s < NEVER else 0.0,
            waits=waits_of(self._waits),
            calls=self._calls,
            failed=self._failed,
            least_loads=self._least_loads(),
        )

    def _least_loads(self) -> int:
        """Return the fewest loads for the ways that were really taken; several servers are one with all their room."""
        room, servers = self.machine.room, self.machine.servers
        together = Room(most=room.most * servers, bytes=None if room.bytes is None else room.bytes * servers)
        taken = [
            through(work.flow.places, places, work.keys) for work, places in zip(self.work, self._taken, strict=True)
        ]
        size = {key: model.bytes for key, model in self.machine.models.items()}
        return least_loads(taken, size=size, room=together)


def waits_of(spans: Sequence[tuple[int, float, float]]) -> Waits:
    """Return the percentiles of waits that are given as (how many, the first one's, the last one's)."""
    points: list[tuple[float, float]] = []
    for n, first_s, last_s in spans:
        parts = min(n, 16)
        for part in range(parts):
            at = part / (parts - 1) if parts > 1 else 0.0
            points.append((first_s + (last_s - first_s) * at, n / parts))
    points.sort()
    total = sum(weight for _, weight in points)
    so_far = 0.0
    found = {0.5: 0.0, 0.95: 0.0}
    for value, weight in points:
        for share in found:
            if so_far < total * share <= so_far + weight * (1 + 1e-9):
                found[share] = value
        so_far += weight
    return Waits(p50_s=found[0.5], p95_s=found[0.95], max_s=points[-1][0] if points else 0.0)


def waves(simulation: Simulation, server: Server) -> Decision:
    """The product's own policy: what `wave_runner.core.wave.choose` says."""
    now_s, policy = simulation.now_s, simulation.policy
    queues = {queue.number: queue for queue in simulation.waiting()}
    waiting = [_as_waiting(queue, now_s) for queue in queues.values()]
    idle_s = now_s - server.idle_since_s if server.idle_since_s is not None else 0.0
    current = server.current if server.current in server.served_s else None
    fed = {key for key in simulation.machine.models if simulation.is_fed(key)}
    if idle_s >= policy.linger_s:
        fed.discard(current or "")
    lingered_s = now_s - server.lingers_since_s if server.lingers_since_s is not None else 0.0
    choice = choose(waiting, _memory(simulation, server, current, fed=fed, lingered_s=lingered_s), policy)
    if isinstance(choice, Choice):
        server.lingers_since_s = None
        queue = queues[choice.queue.queue_id]
        return queue, choice.evict, _undisturbed(simulation, server, queue)
    if not isinstance(choice, Linger):
        return None
    if waiting and server.lingers_since_s is None:
        server.lingers_since_s = now_s
    if choice.work_key is None:
        return min(queue.head_s for queue in queues.values()) + policy.linger_s
    if choice.work_key == current:
        return now_s + policy.linger_s - idle_s
    return now_s + max(SHORTEST_S, simulation.machine.models[choice.work_key].load_s - lingered_s)


def _as_waiting(queue: Queue, now_s: float) -> Waiting:
    return Waiting(
        queue_id=queue.number,
        work_key=queue.key,
        template=queue.place[0],
        position=queue.position,
        waiting=queue.n,
        head_age_s=now_s - queue.head_s,
    )


def _memory(simulation: Simulation, server: Server, current: str | None, *, fed: set[str], lingered_s: float) -> Memory:
    return Memory(
        resident=[Resident(work_key=key, served_s=served_s) for key, served_s in server.served_s.items()],
        current=current,
        fed=fed,
        lingered_s=lingered_s,
        room=simulation.machine.room,
        models=simulation.machine.models,
        claimed_s={key: simulation.now_s - at_s for key, at_s in simulation.claimed_s.items()},
        turns_s={number: simulation.now_s - at_s for number, at_s in simulation.turns_s.items()},
        visit_s=simulation.now_s - server.came_s,
        courses=simulation.courses(),
    )


def _undisturbed(simulation: Simulation, server: Server, queue: Queue) -> int:
    """Return how many of a queue can be done before anything else could be overdue."""
    patience_s = simulation.policy.patience_s(simulation.machine.models)

    def due_s(others: Iterable[Queue]) -> float:
        heads_s = [max(one.head_s, simulation.turns_s.get(one.number, 0.0)) for one in others]
        return patience_s - simulation.now_s + min([simulation.now_s, *heads_s])

    elsewhere_s = due_s(one for one in simulation.waiting() if one.key != queue.key)
    here_s = due_s(one for one in simulation.waiting() if one.key == queue.key and one is not queue)
    load_s = simulation.machine.models[queue.key].load_s
    paid_s = simulation.policy.theta * load_s - server.served_s.get(queue.key, 0.0)
    return within(simulation, queue, max(0.0, min(max(elsewhere_s, paid_s), here_s)))


def within(simulation: Simulation, queue: Queue, seconds: float) -> int:
    """Return how many of a queue are done in so many seconds, and never more than may be decided at once."""
    longest_s = LONGEST_WAVE_S if len(simulation.servers) == 1 else SHARED_WAVE_S
    service_s = simulation.service_s(queue)
    slots = simulation.machine.slots
    return slots * max(1, math.ceil(min(seconds, longest_s) / (service_s * slots))) if service_s > 0 else queue.n
