"""What a result has led to: the part of a record's recorded history that a rerun replaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from wave_runner.core import graph
from wave_runner.core.flow import Flow, JoinInput, Place, Settled
from wave_runner.core.interaction import State
from wave_runner.core.routing import Way
from wave_runner.core.workflow import Each, Step

OUTCOME_OF = {
    State.COMPLETED: Settled.ARRIVED,
    State.FAILED: Settled.FAILED,
    State.QUARANTINED: Settled.FAILED,
    State.CANCELLED: Settled.FAILED,
    State.SKIPPED: Settled.SKIPPED,
}


class Line(NamedTuple):
    """One interaction and what has led to it: its parent, and whose ends it waited for besides.

    `redoes` is the result that it was made to redo, which then is its parent.
    """

    interaction_id: int
    sources: tuple[int, ...]
    redoes: int | None = None


class End(NamedTuple):
    """How an interaction has ended, as its event tells it: where it went on, and over how long a list."""

    place: Place
    state: State
    to: tuple[str, ...] = ()
    items: int | None = None


def below(seeds: Collection[int], lines: Iterable[Line]) -> set[int]:
    """Return what the seeds have led to, over however many steps, themselves left out unless one led to another.

    A result and whatever has redone it count as one: what stood behind the one stands behind the other.
    """
    known = sorted(lines)
    first: dict[int, int] = {}
    for line in known:
        first[line.interaction_id] = _first(first, line.redoes) if line.redoes is not None else line.interaction_id
    children: defaultdict[int, set[int]] = defaultdict(set)
    for line in known:
        own = first[line.interaction_id]
        for source in {_first(first, source) for source in line.sources} - {own}:
            children[source].add(own)
    found: set[int] = set()
    waiting = [child for seed in seeds for child in children[_first(first, seed)]]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += children[one]
    return {line.interaction_id for line in known if first[line.interaction_id] in found}


def _first(first: Mapping[int, int], interaction_id: int) -> int:
    """Return the result that was redone first, itself where it redoes none."""
    return first.get(interaction_id, interaction_id)


def shape(steps: Mapping[str, Step]) -> object:
    """Return what two versions of a workflow must have in common for one to go on where the other has been.

    Where records split, meet again or go in rounds, how often each has been anywhere is counted by the ways between
    the steps. A workflow without all of these may change its ways: nothing is counted. None says so.
    """
    loops = any(edge.loop for step in steps.values() for edge in graph.edges(step))
    if not loops and not any(step.after for step in steps.values()):
        return None
    return {name: (tuple(graph.edges(step)), tuple(step.after), step.join) for name, step in steps.items()}


def ways(step: Step, to: Sequence[str]) -> tuple[Way, ...]:
    """Return the ways that an event says a step has taken."""
    back = {edge.to for edge in graph.edges(step) if edge.loop}
    return tuple(Way(to=name, back=name in back) for name in to)


def settled(flow: Flow, end: End) -> tuple[JoinInput, ...]:
    """Return what an end has settled of the joins behind it, told from what its event says.

    A step that was skipped has settled nothing, unless it is a join: what skipped it has.
    """
    step = flow.steps[end.place.step]
    if end.state is State.SKIPPED and not step.after:
        return ()
    over_list = isinstance(step.route, Each) and not step.route.over_records and end.state is State.COMPLETED
    items = end.items if over_list else None
    return flow.follow(end.place, OUTCOME_OF[end.state], ways(step, end.to), items=items).inputs
