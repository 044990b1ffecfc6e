"""Which models to load, in which order, and what to evict for them: the cheapest plan for all courses under way.

With one model in memory at a time this is a shortest common supersequence of the courses, weighted by what each load
costs; with several it is a search over positions and resident sets together. Both are exact up to `STATES` states of
the search. Above them the plan goes on greedily, from the best state that was found or from the beginning, whichever
ends cheaper, and says that it is not exact.

The search is A* (Hart, Nilsson and Raphael, 1968). What it expects of a state is never too much: each model as often as
the most demanding course still changes to it, or once where several models fit beside each other. As soon as something
is loaded, whatever can be done with what is resident is done: waiting with it would save no load.
"""

from __future__ import annotations

import heapq
import itertools
import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from wave_runner.core.course import Course
from wave_runner.core.loading import name_in

# Less than half a second on one ordinary core, at a change of model, which takes seconds.
STATES = 20_000


# Models at once, where only their bytes count.
ANY_NUMBER = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a server has place for: `most` models at once, and `bytes` of them together; None: nobody counts.

    The same weights are there in one way at a time, however much place there is: in another they are loaded anew.
    """

    most: int = 1
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """One load of a plan, by work key, and which models it needs out of memory first."""

    model: str
    evict: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to load in order, so that every course can be gone to its end. `cost_s` is what the loads take in all.

    Where it is not `exact` no plan is cheaper than `least_s`; else that is its cost.
    """

    loads: tuple[Load, ...]
    cost_s: float
    least_s: float
    exact: bool

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(load.model for load in self.loads)


def plan(
    courses: Collection[Course],
    *,
    load_s: Mapping[str, float],
    size: Mapping[str, int] | None = None,
    room: Room | None = None,
    resident: Collection[str] = (),
    kept: Collection[str] = (),
    states: int = STATES,
) -> Plan:
    """Return the cheapest plan. `load_s` has the seconds that a load of each model takes, `size` its bytes.

    `resident` models are there already, and those of them that are `kept` cannot make room for the first load: somebody
    is at them. A model that fits nowhere beside them is then not loaded first; where there is no other, the plan is
    empty. A model larger than the room is loaded alone. Equal questions are answered from memory.
    """
    distinct = tuple(sorted({course for course in courses if course.models}, key=lambda one: (one.models, one.after)))
    if not distinct:
        return Plan(loads=(), cost_s=0.0, least_s=0.0, exact=True)
    asked = {model for course in distinct for model in course.models} | set(resident)
    costs = tuple((model, load_s[model], (size or {}).get(model, 0)) for model in sorted(asked))
    return _plan(distinct, costs, room or Room(), frozenset(resident), frozenset(kept), states)


def least_loads(courses: Collection[Course], *, size: Mapping[str, int] | None = None, room: Room | None = None) -> int:
    """Return how many loads these courses need at least, beginning with nothing in memory.

    It is the minimum where the search is exact, else a number that no schedule can be below.
    """
    ones = {model: 1.0 for course in courses for model in course.models}
    return round(plan(courses, load_s=ones, size=size, room=room).least_s)


def evictions(
    model: str,
    *,
    courses: Collection[Course],
    size: Mapping[str, int],
    room: Room,
    resident: Collection[str],
    kept: Collection[str] = (),
) -> tuple[str, ...] | None:
    """Return what to evict for a model that is loaded whatever the plan says: first what no course needs, then what
    the courses need last. None: it has no place beside what is `kept`.
    """
    there = set(resident)
    gone: list[str] = []
    can_go = sorted(there - set(kept), key=lambda one: (_are_the_same(one, model), _steps_until(courses, one), one))
    while not _have_room(there | {model}, size, room):
        if not can_go:
            return None
        gone.append(can_go.pop())
        there.discard(gone[-1])
    return tuple(gone)


def _steps_until(courses: Collection[Course], model: str) -> float:
    """Return how many steps stand before the next of a model, of the course where it comes soonest."""
    soonest = (course.models.index(model) for course in courses if model in course.models)
    return min(soonest, default=float("inf"))


def _have_room(models: Collection[str], size: Mapping[str, int], room: Room) -> bool:
    if len(models) <= 1:
        return True  # one that is larger than the room has to be tried alone
    together = sum(size.get(model, 0) for model in models)
    apart = len({name_in(model) for model in models}) == len(models)
    return apart and len(models) <= room.most and (room.bytes is None or together <= room.bytes)


def _are_the_same(one: str, other: str) -> bool:
    """Say whether two work keys are of the same weights."""
    return name_in(one) == name_in(other)


@lru_cache(maxsize=1024)
def _plan(
    courses: tuple[Course, ...],
    costs: tuple[tuple[str, float, int], ...],
    room: Room,
    resident: frozenset[str],
    kept: frozenset[str],
    states: int,
) -> Plan:
    return _Search(courses, costs, room, resident, kept).plan(states)


class _State(NamedTuple):
    """How far each course is, as a bit for each step that is done, and which models are resident, as bits too."""

    done: tuple[int, ...]
    resident: int


class _Node(NamedTuple):
    """A state, what it took to get there, and the load that led to it from the node before, beside whom."""

    state: _State
    cost: float
    model: int
    beside: int
    before: _Node | None


class _Ahead:
    """One course as the search asks for it: bits instead of names, every answer remembered."""

    def __init__(self, course: Course, index: Mapping[str, int]) -> None:
        self.steps = [(index[model], before) for model, before in zip(course.models, course.after, strict=True)]
        self._advanced: dict[tuple[int, int], int] = {}
        self._fronts: dict[int, int] = {}
        self._changes: dict[int, tuple[int, ...]] = {}
        self._models = len(index)

    def advanced(self, done: int, resident: int) -> int:
        """Return what is done when everything has been done that these models can do."""
        found = self._advanced.get((done, resident))
        if found is None:
            found = done
            for number, (model, before) in enumerate(self.steps):
                if resident >> model & 1 and not before & ~found:
                    found |= 1 << number
            self._advanced[done, resident] = found
        return found

    def front(self, done: int) -> int:
        """Return the models of the steps that could be next."""
        found = self._fronts.get(done)
        if found is None:
            found = 0
            for number, (model, before) in enumerate(self.steps):
                if not done >> number & 1 and not before & ~done:
                    found |= 1 << model
            self._fronts[done] = found
        return found

    def changes(self, done: int) -> tuple[int, ...]:
        """Return how often some path ahead changes to each model: so many loads it takes, where only one fits."""
        found = self._changes.get(done)
        if found is None:
            found = tuple(self._most_changes(done, model) for model in range(self._models))
            self._changes[done] = found
        return found

    def _most_changes(self, done: int, to: int) -> int:
        # By step: changes on the best path up to it, and the same where the path's last step was another model's.
        most = [0] * len(self.steps)
        for number, (model, before) in enumerate(self.steps):
            if done >> number & 1:
                continue
            ahead = [other for other in range(number) if before >> other & 1 and not done >> other & 1]
            up_to = max((most[other] for other in ahead), default=0)
            if model == to:
                apart = (most[other] + (self.steps[other][0] != to) for other in ahead)
                up_to = max(up_to, max(apart, default=1))
            most[number] = up_to
        return max(most, default=0)

    def next_use(self, done: int, model: int) -> int:
        """Return how many steps stand before the next of a model; more than there are, if there is none."""
        left = [step for number, (step, _) in enumerate(self.steps) if not done >> number & 1]
        return left.index(model) if model in left else len(self.steps) + 1_000_000


class _Search:
    def __init__(
        self,
        courses: Sequence[Course],
        costs: Sequence[tuple[str, float, int]],
        room: Room,
        resident: frozenset[str],
        kept: frozenset[str],
    ) -> None:
        self._names = [name for name, _, _ in costs]
        self._cost = [max(0.0, cost) for _, cost, _ in costs]
        self._sizes = {name: size for name, _, size in costs}
        self._room = room
        # Of each model the same weights in another way.
        self._rivals = [
            sum(1 << at for at, other in enumerate(self._names) if other != one and _are_the_same(other, one))
            for one in self._names
        ]
        self._fitting: dict[int, bool] = {}
        index = {name: number for number, name in enumerate(self._names)}
        self._courses = [_Ahead(course, index) for course in courses]
        self._resident = sum(1 << index[name] for name in resident)
        self._kept = sum(1 << index[name] for name in kept & resident)
        pairs = itertools.combinations(range(len(costs)), 2)
        # Where no two models fit beside each other, positions say all, and whatever is resident is of no more use.
        self._alone = not any(self._fits(1 << one | 1 << other) for one, other in pairs)

    def plan(self, states: int) -> Plan:
        """Search until a way to the end of all courses is found, or so many states have been looked at."""
        start = _Node(self._settled((0,) * len(self._courses), self._resident, keep=self._kept), 0.0, -1, 0, None)
        best = {start.state: 0.0}
        expected = self._expected(start.state)
        heap: list[tuple[float, float, int, _Node]] = [(expected, 0.0, 0, start)]
        tie = itertools.count(1)
        looked_at = 0
        while heap:
            expected, _, _, node = heapq.heappop(heap)
            if node.cost > best[node.state]:
                continue
            if not self._front(node.state):
                return self._told(node, expected, exact=True)
            if looked_at > states:
                cheaper = min(self._greedily(node), self._greedily(start), key=lambda one: one.cost)
                return self._told(cheaper, expected, exact=False)
            for after in self._ways_on(node):
                looked_at += 1
                if after.cost < best.get(after.state, float("inf")):
                    best[after.state] = after.cost
                    hoped = after.cost + self._expected(after.state)
                    heapq.heappush(heap, (hoped, -after.cost, next(tie), after))
        return Plan(loads=(), cost_s=0.0, least_s=0.0, exact=True)  # what is needed first has no place beside `kept`

    def _ways_on(self, node: _Node) -> Iterator[_Node]:
        kept = self._kept if node.before is None else 0
        for model in _bits(self._front(node.state)):
            for left in self._evictions(node.state.resident, model, kept):
                yield self._loaded(node, model, left, keep=kept)

    def _loaded(self, node: _Node, model: int, left: int, *, keep: int = 0) -> _Node:
        state = self._settled(node.state.done, left | 1 << model, keep=keep)
        return _Node(state, node.cost + self._cost[model], model, left, node)

    def _settled(self, done: tuple[int, ...], resident: int, *, keep: int) -> _State:
        """Do what can be done, and forget models that nothing ahead needs: they go without any cost."""
        now = tuple([course.advanced(one, resident) for course, one in zip(self._courses, done, strict=True)])
        if self._alone and not keep:
            return _State(now, 0)
        return _State(now, resident & (self._needed(now) | keep))

    def _evictions(self, resident: int, model: int, kept: int) -> Iterator[int]:
        """Yield what can stay beside a model, wherever no more of it could."""
        wanted = 1 << model
        if self._fits(resident | wanted):
            yield resident
            return
        can_go = _bits(resident & ~kept)
        gone: list[int] = []
        for count in range(1, len(can_go) + 1):
            for some in itertools.combinations(can_go, count):
                mask = sum(1 << one for one in some)
                if any(fewer & mask == fewer for fewer in gone):
                    continue
                left = resident & ~mask
                if self._fits(left | wanted):
                    gone.append(mask)
                    yield left

    def _fits(self, models: int) -> bool:
        found = self._fitting.get(models)
        if found is None:
            found = _have_room([self._names[one] for one in _bits(models)], self._sizes, self._room)
            self._fitting[models] = found
        return found

    def _front(self, state: _State) -> int:
        found = 0
        for course, done in zip(self._courses, state.done, strict=True):
            found |= course.front(done)
        return found

    def _needed(self, done: tuple[int, ...]) -> int:
        found = 0
        for course, one in zip(self._courses, done, strict=True):
            for model, changes in enumerate(course.changes(one)):
                if changes:
                    found |= 1 << model
        return found

    def _expected(self, state: _State) -> float:
        """Return what the rest costs at least."""
        if not self._alone:
            return sum(self._cost[model] for model in _bits(self._needed(state.done) & ~state.resident))
        rows = [course.changes(done) for course, done in zip(self._courses, state.done, strict=True)]
        most = map(max, zip(*rows, strict=True))
        return sum(map(operator.mul, self._cost, most), 0.0)

    def _greedily(self, node: _Node) -> _Node:
        """Go on with the load that leaves the least to expect, evicting what is needed last."""
        while front := self._front(node.state):
            kept = self._kept if node.before is None else 0
            choices = [
                self._loaded(node, model, left, keep=kept)
                for model in _bits(front)
                if self._fits((left := self._without_the_last(node.state, model, kept)) | 1 << model)
            ]
            node = min(choices, key=lambda one: (one.cost + self._expected(one.state), -self._steps(one.state)))
        return node

    def _without_the_last(self, state: _State, model: int, kept: int) -> int:
        left = state.resident & ~(self._rivals[model] & ~kept)
        while not self._fits(left | 1 << model) and left & ~kept:
            left &= ~(1 << max(_bits(left & ~kept), key=lambda one: self._next_use(state, one)))
        return left

    def _next_use(self, state: _State, model: int) -> int:
        return min(course.next_use(done, model) for course, done in zip(self._courses, state.done, strict=True))

    def _steps(self, state: _State) -> int:
        return sum(done.bit_count() for done in state.done)

    def _told(self, node: _Node, least: float, *, exact: bool) -> Plan:
        nodes = [node]
        while (before := nodes[-1].before) is not None:
            nodes.append(before)
        nodes.reverse()
        loads = []
        there = self._resident
        for after in nodes[1:]:
            evicted = self._evicted(there, after)
            there = there & ~sum(1 << one for one in evicted) | 1 << after.model
            loads.append(Load(model=self._names[after.model], evict=tuple(self._names[one] for one in evicted)))
        return Plan(loads=tuple(loads), cost_s=node.cost, least_s=node.cost if exact else least, exact=exact)

    def _evicted(self, there: int, after: _Node) -> list[int]:
        """Return what really has to go: first what nothing needs, and never more than makes room."""
        before = after.before
        assert before is not None, "the start loads nothing"
        kept = self._kept if before.before is None else 0
        can_go = _bits(there & ~(kept | after.beside))
        rivals = self._rivals[after.model]
        can_go.sort(key=lambda one: (not rivals >> one & 1, -self._next_use(after.state, one)))
        gone: list[int] = []
        for one in can_go:
            if self._fits((there & ~sum(1 << other for other in gone)) | 1 << after.model):
                break
            gone.append(one)
        return gone


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found
