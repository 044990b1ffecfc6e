"""What an interaction's end means for the rest of its record's way: which steps come next, and which cannot come.

A record goes through its workflow as one token or, after a fork, as several. A join waits for a given set of steps. It
is decided when each of them has *settled*: it has arrived, it failed, it was skipped, or the record's way leads
elsewhere (`not_taken`). So an end settles not only the joins that it leads to, but also those that wait for a step
which only it could have led to.

What follows from an end never reaches past the next joins: a join that is skipped has consequences of its own. So a
step that a join waits for may be led to by the steps behind one other join only, or by those before any; the linter
sees to that. And a join outside of a loop is not told of a way that was not taken as long as another round may take it.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from wave_runner.core import graph
from wave_runner.core.loops import Loops
from wave_runner.core.routing import Way
from wave_runner.core.workflow import END, Each, Step


class Settled(enum.StrEnum):
    """What became of one of the steps that a join waits for."""

    ARRIVED = "arrived"  # the record's way led from it to the join
    FAILED = "failed"  # it failed or was quarantined, and nothing is said about what happens then
    SKIPPED = "skipped"  # something before it did not complete
    NOT_TAKEN = "not_taken"  # the record's way leads elsewhere


BROKEN = frozenset({Settled.FAILED, Settled.SKIPPED})


class Place(NamedTuple):
    """Where an interaction of a record is: its step, the round, and its item where a list was fanned out, from 1."""

    step: str
    iteration: int = 0
    item: int = 0


@dataclass(frozen=True, kw_only=True)
class JoinInput:
    """One settled input of a join, or, without an outcome, how many inputs more than its steps it must wait for."""

    join: Place
    outcome: Settled | None = None
    more: int = 0


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """What follows from an interaction's end."""

    children: tuple[Place, ...] = ()
    skipped: tuple[Place, ...] = ()
    inputs: tuple[JoinInput, ...] = ()


class Flow:
    """The steps of a workflow, asked about the way of one record.

    With `leads_on` False nothing follows from any end: one step is redone, and what stood behind it stays.
    """

    def __init__(self, steps: Mapping[str, Step], *, leads_on: bool = True) -> None:
        self.steps = steps
        self.leads_on = leads_on
        self.loops = Loops(steps)
        self.joins = tuple(step for step in steps.values() if step.after)
        self._region = functools.cache(self._until_joins)
        self._followed = functools.lru_cache(maxsize=4096)(self._follow)  # most records go the same few ways

    def follow(
        self, place: Place, outcome: Settled, ways: Sequence[Way] = (), *, items: int | None = None
    ) -> Consequences:
        """Return what follows when the interaction at `place` has ended.

        `ways` are those that it takes; one that is broken takes one only by `on_failure` and its like, and is then no
        longer counted as broken. `items` is the length of the list that an `each` fans out, None elsewhere.
        """
        return self._followed(place, outcome, tuple(ways), items) if self.leads_on else Consequences()

    def handles(self, ways: Sequence[Way]) -> bool:
        """Say whether the flow goes on from a step that did not complete and takes these ways."""
        return self.leads_on and bool(ways)

    def _follow(self, place: Place, outcome: Settled, ways: tuple[Way, ...], items: int | None) -> Consequences:
        taken = tuple(way for way in ways if way.to != END and items != 0)
        left = outcome if outcome in BROKEN and not ways else Settled.NOT_TAKEN
        return Consequences(
            children=tuple(self._children(place, taken, items)),
            skipped=tuple(self._skipped(place, taken)) if left in BROKEN else (),
            inputs=(*self._arrived(place, taken), *self._left(place, taken, left), *self._items(place, items)),
        )

    def anchors_of(self, name: str) -> list[str]:
        """Return from where a step can be reached without passing a join: joins, and the first step of a record."""
        starts = [step.name for step in self.joins]
        first = next(iter(self.steps.values()))
        starts += [] if first.once else [first.name]
        starts += [
            step.route.to for step in self.steps.values() if isinstance(step.route, Each) and step.route.over_records
        ]
        return [start for start in starts if start == name or name in self._region(tuple(self._ways_on(start, ())), ())]

    @functools.cached_property
    def entered(self) -> frozenset[str]:
        """Return the steps with which records begin that a step of the run has brought in."""
        return frozenset(
            step.route.to for step in self.steps.values() if isinstance(step.route, Each) and step.route.over_records
        )

    @functools.cached_property
    def each_of(self) -> Mapping[str, str]:
        """Return, for every step that is done once per item, the step whose list it is an item of."""
        found: dict[str, str] = {}
        for step in self.steps.values():
            if isinstance(step.route, Each) and not step.route.over_records:
                found |= dict.fromkeys(self._region((step.route.to,), ()), step.name)
        return found

    def is_gathered(self, source: str, reader: str) -> bool:
        """Say whether one step reads another's outputs as lists: it stands behind the join that closes the items."""
        return source in self.each_of and self.each_of.get(reader) != self.each_of[source]

    def _children(self, place: Place, taken: Sequence[Way], items: int | None) -> Iterator[Place]:
        for way in taken:
            if self.steps[way.to].after:
                continue
            iteration = self.loops.iteration_at(place.step, place.iteration, way.to, back=way.back)
            for item in [place.item] if items is None else range(1, items + 1):
                yield Place(step=way.to, iteration=iteration, item=item)

    def _skipped(self, place: Place, taken: Sequence[Way]) -> Iterator[Place]:
        """Yield the steps that would have come had this one completed.

        What stands behind a join is the join's: it goes, or it skips them itself.
        """
        step = self.steps[place.step]
        if isinstance(step.route, Each) and step.route.over_records:
            return  # what follows belongs to the records, which are not there yet
        every_loop = tuple(loop.header for loop in self.loops.all)
        due = self._region(tuple(to for to in graph.forward(step) if to in graph.targets(step.route)), every_loop)
        lost = due - self._region(tuple(way.to for way in taken), ()) - self._behind_joins(due | {place.step})
        for name in self.steps:
            if name in lost and name != place.step:
                iteration = self.loops.iteration_at(place.step, place.iteration, name)
                yield Place(step=name, iteration=iteration, item=place.item)

    def _behind_joins(self, names: Set[str]) -> set[str]:
        """Return the steps that can follow the joins that these lead to, in the same round."""
        every_loop = tuple(loop.header for loop in self.loops.all)
        found: set[str] = set()
        waiting = [join.name for join in self.joins if not names.isdisjoint(join.after)]
        while waiting:
            for way in self._ways_on(waiting.pop(), every_loop):
                if way not in found:
                    found.add(way)
                    waiting.append(way)
        return found

    def _arrived(self, place: Place, taken: Sequence[Way]) -> Iterator[JoinInput]:
        for way in taken:
            if self.steps[way.to].after:
                yield JoinInput(join=self._join(place, way.to), outcome=Settled.ARRIVED)

    def _left(self, place: Place, taken: Sequence[Way], left: Settled) -> Iterator[JoinInput]:
        """Yield the inputs of joins that could have come from here and now cannot any more."""
        for join in self.joins:
            # A round of a loop around the join has inputs of its own; those of a loop before it come from any round.
            own = tuple(loop.header for loop in self.loops.around(join.name))
            alive = self._region(tuple(way.to for way in taken if not (way.back and way.to in own)), own)
            due = self._region(tuple(self._ways_on(place.step, own)), own)
            for name in join.after:
                if name in due - alive and name != place.step:
                    # What was lost before it could begin is skipped where this one is broken.
                    outcome = Settled.SKIPPED if left in BROKEN else left
                    yield JoinInput(join=self._join(place, join.name), outcome=outcome)
            arrived = any(way.to == join.name for way in taken)
            if place.step in join.after and not arrived and place.step not in alive:
                yield JoinInput(join=self._join(place, join.name), outcome=left)

    def _items(self, place: Place, items: int | None) -> Iterator[JoinInput]:
        """Yield the joins that wait for a step which now comes once per item."""
        route = self.steps[place.step].route
        if not items or items == 1 or not isinstance(route, Each):
            return
        region = self._region((route.to,), ())
        for join in self.joins:
            for name in join.after:
                if name in region:
                    yield JoinInput(join=self._join(place, join.name), more=items - 1)

    def _join(self, place: Place, join: str) -> Place:
        """Return where a join stands that is reached from here: it closes the items of a list."""
        return Place(step=join, iteration=self.loops.iteration_at(place.step, place.iteration, join))

    def _ways_on(self, name: str, closed: Sequence[str]) -> list[str]:
        """Return the steps that can follow, by every way but those back to the headers of `closed` loops.

        What an `each` of promoted records leads to does not: it belongs to the records, which have ways of their own.
        """
        step = self.steps[name]
        ways = [edge.to for edge in graph.edges(step) if not (edge.loop and edge.to in closed)]
        if isinstance(step.route, Each) and step.route.over_records:
            return [way for way in ways if way in graph.handlers(step)]
        return ways

    def _until_joins(self, starts: tuple[str, ...], closed: tuple[str, ...]) -> frozenset[str]:
        """Return the steps that can be reached without passing a join or going back in a closed loop, with `starts`."""
        found: set[str] = set()
        waiting = list(starts)
        while waiting:
            name = waiting.pop()
            if name != END and name not in found and not self.steps[name].after:
                found.add(name)
                waiting += self._ways_on(name, closed)
        return frozenset(found)
