"""The steps of a workflow as a graph: who follows whom, and what can be reached."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wave_runner.core.workflow import END, Each, Next, Route, RouteOn, Step


def targets(route: Route) -> tuple[str, ...]:
    """Return every step (or `end`) that a route can lead to, without repeats, in its order."""
    match route:
        case Next(to=to) | Each(to=to):
            return (to,)
        case RouteOn(cases=cases):
            named = (name for case in cases.values() for name in (case.to, case.otherwise) if name)
            return tuple(dict.fromkeys(named))


def reachable(steps: Mapping[str, Step], start: str, without: Collection[str] = ()) -> set[str]:
    """Return the steps that some path leads to from `start`, itself included, never passing through `without`."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in without and name in steps:
            found.add(name)
            waiting += targets(steps[name].route)
    return found


def upstream(steps: Mapping[str, Step], of: str) -> set[str]:
    """Return the steps from which a path leads to `of`."""
    return {name for name in steps if name != of and of in reachable(steps, name)}


def cycle(steps: Mapping[str, Step]) -> list[str]:
    """Return the steps of one loop in their order, or the empty list."""
    done: set[str] = set()
    for start in steps:
        if found := _loop_below(steps, start, [], done):
            return found
    return []


def follows(step: Step) -> tuple[str, ...]:
    """Return the steps that can come right after this one, without `end`."""
    return tuple(name for name in targets(step.route) if name != END)


def _loop_below(steps: Mapping[str, Step], name: str, path: list[str], done: set[str]) -> list[str]:
    if name in path:
        return path[path.index(name) :]
    if name in done or name not in steps:
        return []
    for following in follows(steps[name]):
        if found := _loop_below(steps, following, [*path, name], done):
            return found
    done.add(name)
    return []
