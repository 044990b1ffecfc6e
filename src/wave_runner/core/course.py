"""Which models the records of a workflow may still need, and which of them before which: a course.

A workflow branches, so its records take different paths. A sequence of loads is enough for all of them if it holds the
models of every path in the path's order. That is so exactly if each step can be given a place in the sequence that is
not before the places of the steps that lead to it: where a step can be reached by several paths the latest decides. So
the paths need not be listed, and a course is the workflow's own graph with three things done to it:

* loops are unrolled, `ROUNDS` rounds beside the first at most. Later rounds are left out: a plan is made again at each
  change of model, and a tail that few records take must not decide what is loaded now;
* steps that no model does are taken out; what follows them follows what they followed;
* a step whose model is that of all the steps before it is one with them.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from wave_runner.core import graph
from wave_runner.core.loops import Loops
from wave_runner.core.workflow import Step

ROUNDS = 2
# Loops in loops multiply: where more places than this come out, fewer rounds are looked ahead.
MOST_PLACES = 200

Place = tuple[str, int]
"""A step, and the round of the loops around it (`wave_runner.core.loops`)."""


@dataclass(frozen=True)
class Course:
    """The model steps ahead. `models[i]` is step i's work key, and `after[i]` has a bit for each step it must follow.

    Steps stand behind all that they follow.
    """

    models: tuple[str, ...]
    after: tuple[int, ...]


def line(*models: str) -> Course:
    """Return the course of a workflow without branches. Equal neighbours are one step."""
    kept = [model for model, before in zip(models, (None, *models), strict=False) if model != before]
    return Course(tuple(kept), tuple(1 << index >> 1 for index in range(len(kept))))


def course(steps: Mapping[str, Step], keys: Mapping[str, str], live: Collection[str]) -> Course:
    """Return what is ahead of a workflow's records that stand at the steps `live`, these included.

    `keys` has the work key of each step that a model does. In which round of a loop a record is does not matter: it may
    have all of them before it.
    """
    places = unroll(steps)
    return through(
        places,
        _reachable(places, {min(one for one in places if one[0] == name) for name in live if name in steps}),
        keys,
    )


def through(places: Mapping[Place, tuple[Place, ...]], ahead: Collection[Place], keys: Mapping[str, str]) -> Course:
    """Return the course through some of a workflow's places, as `unroll` gives them; no record goes to the others."""
    models: list[str] = []
    after: list[int] = []
    carried: dict[Place, int] = dict.fromkeys(ahead, 0)  # what must be done before whatever comes next there
    for place, following in places.items():
        if place not in ahead:
            continue
        before, key = carried[place], keys.get(place[0])
        if key is not None and (not before or any(models[index] != key for index in _bits(before))):
            models.append(key)
            after.append(before)
            before = 1 << (len(models) - 1)
        for to in following:
            if to in carried:
                carried[to] |= before
    return Course(tuple(models), tuple(after))


def unroll(steps: Mapping[str, Step], *, rounds: int = ROUNDS) -> dict[Place, tuple[Place, ...]]:
    """Return every place of a workflow with those that can come next, each behind all that lead to it."""
    loops = Loops(steps)
    while len(found := _places(steps, loops, rounds)) > MOST_PLACES and rounds > 0:
        rounds -= 1
    sorter = graphlib.TopologicalSorter[Place](dict.fromkeys(found, ()))
    for place, following in found.items():
        for to in following:
            sorter.add(to, place)
    return {place: found[place] for place in sorter.static_order()}


def _places(steps: Mapping[str, Step], loops: Loops, rounds: int) -> dict[Place, tuple[Place, ...]]:
    found: dict[Place, tuple[Place, ...]] = {}
    # From the first step all is reached that something leads to, where an `each` over records begins and joins as well.
    # What is at any other step, whatever brought it there, is ahead all the same.
    for first in steps:
        waiting: list[Place] = [] if any(name == first for name, _ in found) else [(first, 0)]
        while waiting:
            place = waiting.pop()
            if place not in found:
                found[place] = _following(place, steps, loops, rounds)
                waiting += found[place]
    return found


def _following(place: Place, steps: Mapping[str, Step], loops: Loops, rounds: int) -> tuple[Place, ...]:
    name, iteration = place
    taken = loops.taken(name, iteration)
    return tuple(
        (edge.to, loops.iteration_at(name, iteration, edge.to, back=bool(edge.loop)))
        for edge in graph.edges(steps[name])
        if edge.to in steps and not (edge.loop and taken.get(edge.to, 0) >= min(edge.loop, rounds))
    )


def _reachable(places: Mapping[Place, tuple[Place, ...]], starts: Collection[Place]) -> set[Place]:
    found: set[Place] = set()
    waiting = list(starts)
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += places[place]
    return found


def _bits(mask: int) -> list[int]:
    return [index for index in range(mask.bit_length()) if mask >> index & 1]
