"""A workflow drawn: as Mermaid for a page that renders it, and as an SVG that stands by itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from wave_runner.core.drawing import Layout, Spot, Way, layout, ways
from wave_runner.core.workflow import END, ActorKind, Step, Workflow

# A kind of actor is told by its shape and its word; colour only helps.
SHAPES = {
    ActorKind.AI_MODEL: ("{{", "}}"),
    ActorKind.SCRIPT: ("[", "]"),
    ActorKind.SQL: ("[(", ")]"),
    ActorKind.HUMAN: ("([", "])"),
    ActorKind.ROUTE: ("{", "}"),
}
ARROWS = {"next": "-->", "loop": "-.->", "broken": "-.-x"}
FILLS = {
    ActorKind.AI_MODEL: "#dbeafe",
    ActorKind.SCRIPT: "#f1f5f9",
    ActorKind.SQL: "#dcfce7",
    ActorKind.HUMAN: "#fce7f3",
    ActorKind.ROUTE: "#fef9c3",
}
WIDTH, HEIGHT = 240, 46
ACROSS, DOWN = 300, 118  # from the middle of one step to that of the next
MARGIN = 30
PEAK = 8  # by how much the top of a diamond is above that of a box
LONGEST_LABEL = 34
RADIUS = 14  # of the end


def mermaid(workflow: Workflow) -> str:
    """Return a flowchart in Mermaid's language."""
    lines = ["flowchart TD"]
    for step in workflow.steps.values():
        left, right = SHAPES[step.kind]
        lines.append(f'    {step.name}{left}"{_quoted(step.name)}<br/>{_quoted(_done_by(step))}"{right}')
    found = ways(workflow)
    if any(way.to == END for way in found):
        lines.append('    end_(("end"))')
    for way in found:
        label = f'|"{_quoted(way.label)}"|' if way.label else ""
        lines.append(f"    {way.start} {ARROWS[way.kind]}{label} {'end_' if way.to == END else way.to}")
    return "\n".join(lines) + "\n"


def svg(workflow: Workflow) -> str:
    """Return a picture that needs nothing else: no script, no font, no style sheet."""
    found = ways(workflow)
    placed = layout(workflow, found)
    middle = MARGIN + max(abs(spot.place) for spot in _all_spots(placed)) * ACROSS + WIDTH / 2
    loops = [way for way in found if way.kind == "loop"]
    width = round(2 * middle + 40 * len(loops) + (120 if loops else 0))
    height = MARGIN * 2 + (placed.layers - 1) * DOWN + HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        ' font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>workflow {escape(workflow.name)}</title>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 10 5 0 10z" fill="#475569"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *(_line(way, workflow, placed, middle) for way in found if way.kind != "loop"),
        *(_loop(way, placed, middle, number) for number, way in enumerate(loops)),
        *(_box(step, _at(placed.steps[step.name], middle)) for step in workflow.steps.values()),
        *([_end(_at(placed.steps[END], middle))] if END in placed.steps else []),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _done_by(step: Step) -> str:
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


def _line(way: Way, workflow: Workflow, placed: Layout, middle: float) -> str:
    """Return a way down: from the bottom of its step, through its bends, to the top of the next."""
    x, y = _at(placed.steps[way.start], middle)
    points = [(x, y + _half_height(workflow.steps[way.start])), *(_at(bend, middle) for bend in placed.bends[way])]
    x, y = _at(placed.steps[way.to], middle)
    points.append((x, y - (_half_height(workflow.steps[way.to]) if way.to != END else RADIUS)))
    dash = ' stroke-dasharray="6 4"' if way.kind == "broken" else ""
    path = f'<path d="{_curve(points)}" fill="none" stroke="#475569"{dash} marker-end="url(#tip)"/>'
    (x1, y1), (x2, y2) = points[0], points[1]
    return path + _label(way.label, x1 + (x2 - x1) * 0.5, y1 + (y2 - y1) * 0.55)


def _half_height(step: Step) -> float:
    return HEIGHT / 2 + (PEAK if step.kind is ActorKind.ROUTE else 0)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    path = [f"M{points[0][0]:.0f} {points[0][1]:.0f}"]
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        half = (y1 + y2) / 2
        path.append(f"C{x1:.0f} {half:.0f} {x2:.0f} {half:.0f} {x2:.0f} {y2:.0f}")
    return " ".join(path)


def _loop(way: Way, placed: Layout, middle: float, number: int) -> str:
    """Return a way back: out to the right of everything, up, and in again."""
    x1, y1 = _at(placed.steps[way.start], middle)
    x2, y2 = _at(placed.steps[way.to], middle)
    out = 2 * middle + 20 + 40 * number
    path = f"M{x1 + WIDTH / 2:.0f} {y1:.0f} H{out:.0f} V{y2:.0f} H{x2 + WIDTH / 2:.0f}"
    line = f'<path d="{path}" fill="none" stroke="#475569" stroke-dasharray="2 4" marker-end="url(#tip)"/>'
    return line + _label(way.label, out - 20, (y1 + y2) / 2)


def _label(text: str, x: float, y: float) -> str:
    if not text:
        return ""
    short = text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
    width = 7 * len(short) + 8
    return (
        f'<g><title>{escape(text)}</title><rect x="{x - width / 2:.0f}" y="{y - 10:.0f}" width="{width}" height="18" '
        f'fill="#ffffff" fill-opacity="0.85"/><text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle" font-size="12" '
        f'fill="#334155">{escape(short)}</text></g>'
    )


def _box(step: Step, at: tuple[float, float]) -> str:
    x, y = at
    points = " ".join(f"{x + across:.0f},{y + down:.0f}" for across, down in _corners(step.kind))
    frame = f'width="{WIDTH - 8}" height="{HEIGHT - 8}" fill="none" stroke="#475569"'
    inner = f'<rect x="{x - WIDTH / 2 + 4:.0f}" y="{y - HEIGHT / 2 + 4:.0f}" {frame}/>' if step.once else ""
    return (
        f'<polygon points="{points}" fill="{FILLS[step.kind]}" stroke="#475569"/>{inner}'
        f'<text x="{x:.0f}" y="{y - 3:.0f}" text-anchor="middle" font-weight="600" fill="#0f172a">'
        f"{escape(step.name)}</text>"
        f'<text x="{x:.0f}" y="{y + 13:.0f}" text-anchor="middle" font-size="11" fill="#334155">'
        f"{escape(_done_by(step))}</text>"
    )


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


def _end(at: tuple[float, float]) -> str:
    x, y = at
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{RADIUS}" fill="#ffffff" stroke="#475569" stroke-width="3"/>'
        f'<text x="{x:.0f}" y="{y + 30:.0f}" text-anchor="middle" fill="#334155">end</text>'
    )


def _quoted(text: str) -> str:
    """Return a text as it can stand in quotes: what would end them, or be read as markup, by its number."""
    special = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "|": "#124;", "`": "#96;"}
    return "".join(special.get(character, character) for character in text)
