"""How simulated records go through a workflow: in crowds, by shares, without looking at any data.

Records that wait at the same step differ in nothing but their age. So what moves is a crowd: how many, and the span of
time in which they come to a place, evenly spread over it. A crowd splits where its workflow branches, and what a join
waits for is matched in order of arrival.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wave_runner.core.course import Place, unroll
from wave_runner.core.loops import Loops
from wave_runner.core.workflow import END, ActorKind, Case, Choose, Each, Fork, Join, Next, RouteOn, Step

# Rounds of a loop that can be walked; more than workflows have.
LONGEST_LOOP = 8
FEW = 40

Draw = Callable[[], float]
"""The dice of a simulation: a number from 0 to 1, evenly spread."""


class Crowd(NamedTuple):
    """So many records, the first of which comes at `first_s` and the last at `last_s`."""

    n: int
    first_s: float
    last_s: float
    attempt: int = 1

    def split(self, n: int) -> tuple[Crowd, Crowd | None]:
        """Return the first n, and the others if there are any."""
        if n >= self.n:
            return self, None
        step = (self.last_s - self.first_s) / max(1, self.n - 1)
        head = Crowd(n, self.first_s, self.first_s + step * (n - 1), self.attempt)
        return head, Crowd(self.n - n, self.first_s + step * n, self.last_s, self.attempt)

    def until(self, time_s: float) -> int:
        """Return how many have come by then."""
        if time_s >= self.last_s:
            return self.n
        if time_s < self.first_s:
            return 0
        return 1 + int((self.n - 1) * (time_s - self.first_s) / (self.last_s - self.first_s))


@dataclass(frozen=True)
class Way:
    """One way out of a place: where to, None for the end, and which part of those that come takes it."""

    to: Place | None
    share: float


@dataclass(frozen=True, kw_only=True)
class Fan:
    """The ways out of a place: one of them for each record, or every one (`all`), each by its own share."""

    ways: tuple[Way, ...]
    all: bool = False


@dataclass(kw_only=True)
class Flow:
    """A workflow to walk through. `shares` has for a step, by what follows it, which part of its records go there."""

    name: str
    steps: Mapping[str, Step]
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loops = Loops(self.steps)
        self.places = unroll(self.steps, rounds=LONGEST_LOOP)
        self.fans = {place: self._fan(place) for place in self.places}
        self.joins = {
            place: tuple(self.steps[place[0]].after)
            for place in self.places
            if self.steps[place[0]].after and self.steps[place[0]].join is not Join.ANY
        }

    @property
    def entry(self) -> Place:
        """The place where a record of its own begins: behind what is done once for the whole run."""
        for step in self.steps.values():
            if isinstance(step.route, Each) and step.route.over_records:
                return (step.route.to, 0)
        return next(iter(self.places))

    def kind(self, place: Place) -> ActorKind:
        return self.steps[place[0]].kind

    def _fan(self, place: Place) -> Fan:
        step = self.steps[place[0]]
        match step.route:
            case Next(to=to) | Each(to=to):
                return Fan(ways=(Way(self._to(place, Case(to=to)), 1.0),))
            case Fork(cases=cases):
                given = self.shares.get(step.name, {})
                ways = tuple(Way(self._to(place, case), given.get(case.to, 1.0)) for case in cases)
                return Fan(ways=ways, all=True)
            case RouteOn(cases=by_value):
                return Fan(ways=tuple(self._alternatives(place, list(by_value.values()))))
            case Choose(cases=cases, otherwise=otherwise):
                return Fan(ways=tuple(self._alternatives(place, [*cases, Case(to=otherwise)])))

    def _alternatives(self, place: Place, cases: Sequence[Case]) -> Iterator[Way]:
        """Yield each step that can come next, once: with the share that was given, or an even part of the rest."""
        given = self.shares.get(place[0], {})
        by_target = {case.to: case for case in cases}
        by_target |= {case.otherwise: Case(to=case.otherwise) for case in cases if case.when and case.otherwise}
        left = [to for to in by_target if to not in given]
        rest = max(0.0, 1.0 - sum(given.get(to, 0.0) for to in by_target)) / max(1, len(left))
        for to, case in by_target.items():
            yield Way(self._to(place, case), given.get(to, rest))

    def _to(self, place: Place, case: Case) -> Place | None:
        """Return where a case leads: back in a loop as long as it may be, then to what it says otherwise."""
        name, iteration = place
        to, back = case.to, bool(case.loop)
        if back and self._loops.taken(name, iteration).get(to, 0) >= min(case.loop, LONGEST_LOOP):
            to, back = case.otherwise or END, False
        if to == END:
            return None
        found = (to, self._loops.iteration_at(name, iteration, to, back=back))
        return found if found in self.places else None


def of_each(crowd: Crowd, fan: Fan, draw: Draw) -> Iterator[tuple[Place | None, Crowd, bool]]:
    """Yield who goes where. False: they do not, and a join ahead must not wait for them."""
    left, share_left = crowd.n, 1.0
    for number, way in enumerate(fan.ways):
        if fan.all:
            goes = some_of(crowd.n, way.share, draw)
            if goes < crowd.n:
                yield way.to, crowd._replace(n=crowd.n - goes), False
        else:
            last = number == len(fan.ways) - 1
            goes = left if last else some_of(left, way.share / share_left if share_left > 0 else 0.0, draw)
            left, share_left = left - goes, share_left - way.share
        if goes:
            yield way.to, crowd._replace(n=goes), True


def some_of(n: int, share: float, draw: Draw) -> int:
    """Return how many of n it is, each by itself with this chance."""
    if share <= 0.0 or n == 0:
        return 0
    if share >= 1.0:
        return n
    if n <= FEW:
        return sum(draw() < share for _ in range(n))
    # Of many the sum is as good as normal; a pair of draws gives one such number (Box and Muller, 1958).
    normal = math.sqrt(-2.0 * math.log(1.0 - draw())) * math.cos(2.0 * math.pi * draw())
    return min(n, max(0, round(n * share + normal * math.sqrt(n * share * (1.0 - share)))))


@dataclass
class Gate:
    """A join: crowds of each input, until every input has one; then as many as all of them have go on."""

    inputs: dict[str, list[Crowd]]

    def arrive(self, source: str, crowd: Crowd) -> Iterator[Crowd]:
        self.inputs.setdefault(source, []).append(crowd)
        while all(self.inputs.values()):
            n = min(crowds[0].n for crowds in self.inputs.values())
            heads = []
            for crowds in self.inputs.values():
                head, rest = crowds[0].split(n)
                heads.append(head)
                crowds[:1] = [rest] if rest else []
            yield Crowd(n, max(head.first_s for head in heads), max(head.last_s for head in heads))

    def release(self) -> Iterator[Crowd]:
        """Let go on what nothing more will come for: those inputs were never on these records' way."""
        left = max(self.inputs.values(), key=lambda crowds: sum(crowd.n for crowd in crowds))
        yield from left
        for crowds in self.inputs.values():
            crowds.clear()
