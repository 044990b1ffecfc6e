"""A workflow placed on a plane: each step with its outline, each way as a curve. What draws it adds the colours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wave_runner.core.drawing import Layout, Spot, Way, layout, ways
from wave_runner.core.workflow import END, ActorKind, Step, Workflow

WIDTH, HEIGHT = 240, 46
ACROSS, DOWN = 300, 118  # from the middle of one step to that of the next
MARGIN = 30
PEAK = 8  # by how much the top of a diamond is above that of a box
RADIUS = 14  # of the end


@dataclass(frozen=True, kw_only=True)
class DrawnStep:
    """A step: its outline and its middle, in points. `says` is what kind of actor does it, and which."""

    step: str
    kind: ActorKind
    says: str
    once: bool
    x: float
    y: float
    corners: list[list[float]]


@dataclass(frozen=True, kw_only=True)
class DrawnWay:
    """A way: `path` as SVG has it, what stands on it and where. `kind` is next, loop, or broken (a step breaks)."""

    start: str
    to: str
    kind: str
    path: str
    label: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A workflow on a plane of so many points. `end` is the middle of its end, None where nothing leads to it."""

    workflow: str
    width: int
    height: int
    steps: list[DrawnStep]
    ways: list[DrawnWay]
    end: list[float] | None


def draw(workflow: Workflow) -> Drawing:
    """Return where everything of a workflow stands."""
    # A trial pins one step of its workflow: what leads out of it leads nowhere there.
    found = [way for way in ways(workflow) if way.to in {*workflow.steps, END}]
    placed = layout(workflow, found)
    middle = MARGIN + max(abs(spot.place) for spot in _all_spots(placed)) * ACROSS + WIDTH / 2
    loops = [way for way in found if way.kind == "loop"]
    down = [_line(way, workflow, placed, middle) for way in found if way.kind != "loop"]
    return Drawing(
        workflow=workflow.name,
        width=round(2 * middle + 40 * len(loops) + (120 if loops else 0)),
        height=MARGIN * 2 + (placed.layers - 1) * DOWN + HEIGHT,
        steps=[_box(step, _at(placed.steps[step.name], middle)) for step in workflow.steps.values()],
        ways=[*down, *(_loop(way, placed, middle, number) for number, way in enumerate(loops))],
        end=list(_at(placed.steps[END], middle)) if END in placed.steps else None,
    )


def done_by(step: Step) -> str:
    """Return what stands below a step's name: what kind of actor, and which."""
    once = ", once" if step.once else ""
    if step.kind is ActorKind.ROUTE:
        return "decides" + (f", joins {step.join}" if step.after else "")
    kind = {ActorKind.AI_MODEL: "model", ActorKind.SCRIPT: "script", ActorKind.SQL: "query", ActorKind.HUMAN: "people"}[
        step.kind
    ]
    return f"{kind} {step.actor}{once}" + (f", joins {step.join}" if step.after else "")


def _all_spots(placed: Layout) -> Iterator[Spot]:
    yield from placed.steps.values()
    for bends in placed.bends.values():
        yield from bends


def _at(spot: Spot, middle: float) -> tuple[float, float]:
    return middle + spot.place * ACROSS, MARGIN + spot.layer * DOWN + HEIGHT / 2


def _line(way: Way, workflow: Workflow, placed: Layout, middle: float) -> DrawnWay:
    """Return a way down: from the bottom of its step, through its bends, to the top of the next."""
    x, y = _at(placed.steps[way.start], middle)
    points = [(x, y + _half_height(workflow.steps[way.start])), *(_at(bend, middle) for bend in placed.bends[way])]
    x, y = _at(placed.steps[way.to], middle)
    points.append((x, y - (_half_height(workflow.steps[way.to]) if way.to != END else RADIUS)))
    (x1, y1), (x2, y2) = points[0], points[1]
    return _way(way, _curve(points), x1 + (x2 - x1) * 0.5, y1 + (y2 - y1) * 0.55)


def _half_height(step: Step) -> float:
    return HEIGHT / 2 + (PEAK if step.kind is ActorKind.ROUTE else 0)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    path = [f"M{points[0][0]:.0f} {points[0][1]:.0f}"]
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        half = (y1 + y2) / 2
        path.append(f"C{x1:.0f} {half:.0f} {x2:.0f} {half:.0f} {x2:.0f} {y2:.0f}")
    return " ".join(path)


def _loop(way: Way, placed: Layout, middle: float, number: int) -> DrawnWay:
    """Return a way back: out to the right of everything, up, and in again."""
    x1, y1 = _at(placed.steps[way.start], middle)
    x2, y2 = _at(placed.steps[way.to], middle)
    out = 2 * middle + 20 + 40 * number
    path = f"M{x1 + WIDTH / 2:.0f} {y1:.0f} H{out:.0f} V{y2:.0f} H{x2 + WIDTH / 2:.0f}"
    return _way(way, path, out - 20, (y1 + y2) / 2)


def _way(way: Way, path: str, x: float, y: float) -> DrawnWay:
    return DrawnWay(start=way.start, to=way.to, kind=way.kind, path=path, label=way.label, x=x, y=y)


def _box(step: Step, at: tuple[float, float]) -> DrawnStep:
    x, y = at
    corners = [[x + across, y + down] for across, down in _corners(step.kind)]
    return DrawnStep(step=step.name, kind=step.kind, says=done_by(step), once=step.once, x=x, y=y, corners=corners)


def _corners(kind: ActorKind) -> list[tuple[float, float]]:
    """Return the outline of a kind of actor, around its middle."""
    side, edge = WIDTH / 2, HEIGHT / 2
    match kind:
        case ActorKind.AI_MODEL:
            return [(16 - side, -edge), (side - 16, -edge), (side, 0), (side - 16, edge), (16 - side, edge), (-side, 0)]
        case ActorKind.HUMAN:
            in_, down = side - 12, edge - 12
            above = [(-in_, -edge), (in_, -edge), (side, -down), (side, down)]
            return [*above, (in_, edge), (-in_, edge), (-side, down), (-side, -down)]
        case ActorKind.ROUTE:
            return [(0, -edge - PEAK), (side, 0), (0, edge + PEAK), (-side, 0)]
        case _:
            return [(-side, -edge), (side, -edge), (side, edge), (-side, edge)]
