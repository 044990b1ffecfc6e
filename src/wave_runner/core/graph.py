"""The steps of a workflow as a graph: who follows whom, and what can be reached."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from wave_runner.core.workflow import END, Case, Choose, Each, Fork, Join, Next, Route, RouteOn, Step


class Edge(NamedTuple):
    """One way from a step to another. `loop` is how often it may be taken in a row, if it leads back; else 0."""

    to: str
    loop: int = 0


def edges(step: Step) -> list[Edge]:
    """Return every way out of a step, without repeats and without `end`: first what it routes to, then `on_…`."""
    return list(dict.fromkeys(edge for edge in (*_of_route(step.route), *_when_broken(step)) if edge.to != END))


def targets(route: Route) -> tuple[str, ...]:
    """Return every step (or `end`) that a route can lead to, without repeats, in its order."""
    return tuple(dict.fromkeys(edge.to for edge in _of_route(route)))


def forward(step: Step) -> tuple[str, ...]:
    """Return the steps that can come right after this one and do not lie before it, without `end`."""
    return tuple(dict.fromkeys(edge.to for edge in edges(step) if not edge.loop))


def follows(step: Step) -> tuple[str, ...]:
    """Return the steps that can come right after this one, without `end`."""
    return tuple(dict.fromkeys(edge.to for edge in edges(step)))


def handlers(step: Step) -> tuple[str, ...]:
    """Return where `on_failure` and its like lead to, without `end`."""
    return tuple(dict.fromkeys(edge.to for edge in _when_broken(step) if edge.to != END))


def reachable(steps: Mapping[str, Step], start: str, without: Collection[str] = ()) -> set[str]:
    """Return the steps that some path leads to from `start`, itself included, never passing through `without`."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in without and name in steps:
            found.add(name)
            waiting += follows(steps[name])
    return found


def reachable_without_output(steps: Mapping[str, Step], start: str, of: Collection[str]) -> set[str]:
    """Return the steps that can be reached although no step `of` these has completed.

    What is reached by `on_failure` of one of them is: it gave no output. A step that waits for all others is only if
    all others are.
    """
    found = {start}
    changed = True
    while changed:
        changed = False
        for name in list(found):
            ways = handlers(steps[name]) if name in of else follows(steps[name])
            for to in ways:
                if to in steps and to not in found and _is_let_in(steps[to], found, of):
                    found.add(to)
                    changed = True
    return found


def upstream(steps: Mapping[str, Step], of: str) -> set[str]:
    """Return the steps from which a path leads to `of`; in a loop that is the step itself too."""
    return {name for name in steps if any(of in reachable(steps, following) for following in follows(steps[name]))}


def cycle(steps: Mapping[str, Step]) -> list[str]:
    """Return the steps of one circle of forward edges in their order, or the empty list."""
    done: set[str] = set()
    for start in steps:
        if found := _loop_below(steps, start, [], done):
            return found
    return []


def _is_let_in(step: Step, found: Collection[str], of: Collection[str]) -> bool:
    """Say whether a join may begin when `found` have been reached and those `of` it have not completed."""
    return not step.after or step.join is not Join.ALL or all(p in found and p not in of for p in step.after)


def _of_route(route: Route) -> Iterator[Edge]:
    match route:
        case Next(to=to) | Each(to=to):
            yield Edge(to)
        case RouteOn(cases=cases):
            for case in cases.values():
                yield from _of_case(case)
        case Choose(cases=ordered, otherwise=otherwise) | Fork(cases=ordered, otherwise=otherwise):
            for case in ordered:
                yield from _of_case(case)
            yield Edge(otherwise)


def _of_case(case: Case) -> Iterator[Edge]:
    yield Edge(case.to, case.loop)
    if case.otherwise:
        yield Edge(case.otherwise)


def _when_broken(step: Step) -> Iterator[Edge]:
    yield from (Edge(to) for to in (step.on_failure, step.on_quarantine, step.on_timeout) if to)


def _loop_below(steps: Mapping[str, Step], name: str, path: list[str], done: set[str]) -> list[str]:
    if name in path:
        return path[path.index(name) :]
    if name in done or name not in steps:
        return []
    for following in forward(steps[name]):
        if found := _loop_below(steps, following, [*path, name], done):
            return found
    done.add(name)
    return []
