"""A workflow as something that can be drawn: its steps, the ways between them, and where each stands.

The layout is that of Sugiyama et al. ("Methods for Visual Understanding of Hierarchical System Structures", 1981) in
its plainest form: steps in layers by their longest way from the start, long ways bent at every layer they cross, and
the order in a layer by the mean place of a step's neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wave_runner.core.workflow import (
    END,
    ON_FAILURE,
    ON_QUARANTINE,
    ON_TIMEOUT,
    Case,
    Choose,
    Each,
    Fork,
    Next,
    RouteOn,
    Step,
    Workflow,
)

SWEEPS = 8
WHEN_BROKEN = {ON_FAILURE: "failed", ON_QUARANTINE: "quarantined", ON_TIMEOUT: "timed out"}


@dataclass(frozen=True)
class Way:
    """A way from a step to another (or to the end), with what stands on it. `kind` is "next", "loop" or "broken"."""

    start: str
    to: str
    label: str = ""
    kind: str = "next"


Node = str | tuple[Way, int]
"""What takes a place in a layer: a step by its name, or a way where it crosses the layer with this number."""


@dataclass(frozen=True)
class Spot:
    """Where something stands: its layer from the top and its place in the layer from the left, both from 0."""

    layer: int
    place: float


@dataclass(frozen=True)
class Layout:
    """Where each step stands, and through which spots each way leads that crosses layers."""

    steps: Mapping[str, Spot]
    bends: Mapping[Way, Sequence[Spot]]
    layers: int


def ways(workflow: Workflow) -> list[Way]:
    """Return every way of a workflow; several between the same two steps are one, with their labels together."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for step in workflow.steps.values():
        for way in _ways_of(step):
            found.setdefault((way.start, way.to, way.kind), []).append(way.label)
    return [
        Way(start, to, ", ".join(dict.fromkeys(filter(None, labels))), kind)
        for (start, to, kind), labels in found.items()
    ]


def layout(workflow: Workflow, found: Sequence[Way]) -> Layout:
    """Place every step, and END where something leads to it."""
    down = [way for way in found if way.kind != "loop"]
    layer = _layers(workflow, down)
    order: list[list[Node]] = [[] for _ in range(1 + max(layer.values()))]
    for name in layer:
        order[layer[name]].append(name)
    links: list[tuple[Node, Node]] = []
    for way in down:
        crossed: list[Node] = [(way, number) for number in _between(layer, way)]
        for number, node in zip(_between(layer, way), crossed, strict=True):
            order[number].append(node)
        links += itertools.pairwise([way.start, *crossed, way.to])
    place = _places(order, links)
    spots = {node: Spot(number, place[node]) for number, nodes in enumerate(order) for node in nodes}
    return Layout(
        steps={name: spots[name] for name in layer},
        bends={way: [spots[way, number] for number in _between(layer, way)] for way in down},
        layers=len(order),
    )


def _between(layer: Mapping[str, int], way: Way) -> range:
    return range(layer[way.start] + 1, layer[way.to])


def _ways_of(step: Step) -> Iterator[Way]:
    match step.route:
        case Next(to=to):
            yield Way(step.name, to)
        case Each(source=source, to=to):
            yield Way(step.name, to, f"each of {source}")
        case RouteOn(cases=cases):
            for value, case in cases.items():
                yield from _ways_of_case(step, case, value)
        case Choose(cases=ordered, otherwise=otherwise):
            for case in ordered:
                yield from _ways_of_case(step, case, case.when)
            if otherwise not in {case.otherwise for case in ordered}:
                yield Way(step.name, otherwise, "else")
        case Fork(cases=ordered, otherwise=otherwise):
            for case in ordered:
                yield Way(step.name, case.to, case.when)
            if all(case.when for case in ordered):
                yield Way(step.name, otherwise, "else")
    for key in WHEN_BROKEN:
        if to := getattr(step, key):
            yield Way(step.name, to, WHEN_BROKEN[key], "broken")


def _ways_of_case(step: Step, case: Case, said: str) -> Iterator[Way]:
    """Yield the way of a case, and where it leads otherwise. `said` is the value or the condition that chooses it."""
    if case.loop:
        yield Way(step.name, case.to, f"{said}, at most {case.loop}×".removeprefix(", "), "loop")
        yield Way(step.name, case.otherwise, f"{said}, used up".removeprefix(", "))
    elif case.otherwise:
        yield Way(step.name, case.to, f"{said} if {case.when}")
        yield Way(step.name, case.otherwise, f"{said} else")
    else:
        yield Way(step.name, case.to, said)


def _layers(workflow: Workflow, down: Sequence[Way]) -> dict[str, int]:
    """Return each step's longest way from the start, in steps; the end stands below all others."""
    layer = dict.fromkeys(workflow.steps, 0)
    for _ in workflow.steps:
        for way in down:
            if way.to != END:
                layer[way.to] = max(layer[way.to], layer[way.start] + 1)
    if any(way.to == END for way in down):
        layer[END] = 1 + max(layer.values())
    return layer


def _places(order: Sequence[list[Node]], links: Sequence[tuple[Node, Node]]) -> dict[Node, float]:
    """Order each layer by the mean place of its neighbours, down and up by turns, and centre it."""
    near: dict[Node, list[Node]] = {}
    for upper, lower in links:
        near.setdefault(upper, []).append(lower)
        near.setdefault(lower, []).append(upper)
    place = {node: float(index) for nodes in order for index, node in enumerate(nodes)}
    for sweep in range(SWEEPS):
        for nodes in order if sweep % 2 == 0 else reversed(order):
            means = {node: _mean([place[other] for other in near.get(node, [])], place[node]) for node in nodes}
            nodes.sort(key=means.__getitem__)
            place |= {node: index - (len(nodes) - 1) / 2 for index, node in enumerate(nodes)}
    return place


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
