"""A workflow drawn: as Mermaid for a page that renders it, and as an SVG that stands by itself."""

from __future__ import annotations

from html import escape

from wave_runner.core.drawing import ways
from wave_runner.core.workflow import END, ActorKind, Workflow
from wave_runner.reports.drawing import HEIGHT, RADIUS, WIDTH, DrawnStep, DrawnWay, done_by, draw

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
DASHES = {"next": "", "loop": "2 4", "broken": "6 4"}
LONGEST_LABEL = 34


def mermaid(workflow: Workflow) -> str:
    """Return a flowchart in Mermaid's language."""
    lines = ["flowchart TD"]
    for step in workflow.steps.values():
        left, right = SHAPES[step.kind]
        lines.append(f'    {step.name}{left}"{_quoted(step.name)}<br/>{_quoted(done_by(step))}"{right}')
    found = ways(workflow)
    if any(way.to == END for way in found):
        lines.append('    end_(("end"))')
    for way in found:
        label = f'|"{_quoted(way.label)}"|' if way.label else ""
        lines.append(f"    {way.start} {ARROWS[way.kind]}{label} {'end_' if way.to == END else way.to}")
    return "\n".join(lines) + "\n"


def svg(workflow: Workflow) -> str:
    """Return a picture that needs nothing else: no script, no font, no style sheet."""
    drawing = draw(workflow)
    width, height = drawing.width, drawing.height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        ' font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>workflow {escape(workflow.name)}</title>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 10 5 0 10z" fill="#475569"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *map(_line, drawing.ways),
        *map(_box, drawing.steps),
        *([_end(*drawing.end)] if drawing.end else []),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _line(line: DrawnWay) -> str:
    dash = f' stroke-dasharray="{DASHES[line.kind]}"' if DASHES[line.kind] else ""
    path = f'<path d="{line.path}" fill="none" stroke="#475569"{dash} marker-end="url(#tip)"/>'
    return path + _label(line.label, line.x, line.y)


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


def _box(box: DrawnStep) -> str:
    x, y = box.x, box.y
    points = " ".join(f"{across:.0f},{down:.0f}" for across, down in box.corners)
    frame = f'width="{WIDTH - 8}" height="{HEIGHT - 8}" fill="none" stroke="#475569"'
    inner = f'<rect x="{x - WIDTH / 2 + 4:.0f}" y="{y - HEIGHT / 2 + 4:.0f}" {frame}/>' if box.once else ""
    return (
        f'<polygon points="{points}" fill="{FILLS[box.kind]}" stroke="#475569"/>{inner}'
        f'<text x="{x:.0f}" y="{y - 3:.0f}" text-anchor="middle" font-weight="600" fill="#0f172a">'
        f"{escape(box.step)}</text>"
        f'<text x="{x:.0f}" y="{y + 13:.0f}" text-anchor="middle" font-size="11" fill="#334155">'
        f"{escape(box.says)}</text>"
    )


def _end(x: float, y: float) -> str:
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{RADIUS}" fill="#ffffff" stroke="#475569" stroke-width="3"/>'
        f'<text x="{x:.0f}" y="{y + 30:.0f}" text-anchor="middle" fill="#334155">end</text>'
    )


def _quoted(text: str) -> str:
    """Return a text as it can stand in quotes: what would end them, or be read as markup, by its number."""
    special = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "|": "#124;", "`": "#96;"}
    return "".join(special.get(character, character) for character in text)
