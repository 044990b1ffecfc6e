"""What differs between two sides, field by field: as a table for people, and as CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wave_runner.cli import output, spreadsheet
from wave_runner.cli.experiments import short

if TYPE_CHECKING:
    from wave_runner.core.comparing import Pair, Side

SHOWN_PAIRS = 10

COLUMNS = (
    "record",
    "step",
    "item",
    "iteration",
    "likeness",
    "field",
    "a",
    "b",
    "a_state",
    "b_state",
    "a_rule",
    "b_rule",
)


def show(pairs: Sequence[Pair], *, a: str, b: str) -> None:
    """Print the first pairs that are not equal, a line for each field that differs."""
    unequal = [pair for pair in pairs if pair.likeness != "equal"]
    rows = [
        {"record": pair.record, "step": pair.step, "field": field, a: short(ours), b: short(theirs)}
        for pair in unequal[:SHOWN_PAIRS]
        for field, ours, theirs in _differing(pair)
    ]
    if rows:
        more = f", the first {SHOWN_PAIRS} of {len(unequal)}" if len(unequal) > SHOWN_PAIRS else ""
        output.table(("record", "step", "field", a, b), rows, title=f"what differs{more}")


def as_csv(pairs: Sequence[Pair]) -> str:
    """Return all pairs as CSV, those that differ first: a line for each of their fields, and one for an equal pair."""
    rows = []
    for pair in pairs:
        place = (pair.record, pair.step, pair.item, pair.iteration, str(pair.likeness))
        for field, ours, theirs in _differing(pair) or [("", None, None)]:
            states = (pair.a and pair.a.state, pair.b and pair.b.state, pair.a and pair.a.rule, pair.b and pair.b.rule)
            rows.append((*place, field, ours, theirs, *states))
    return spreadsheet.lines(COLUMNS, rows)


def _differing(pair: Pair) -> list[tuple[str, Any, Any]]:
    """Return the fields that differ with both values; where one side has no result, why not."""
    from wave_runner.core.comparing import differing

    if pair.likeness == "equal":
        return []
    if pair.likeness != "differs":
        return [("", _why(pair.a), _why(pair.b))]
    return differing(pair)


def _why(side: Side | None) -> Any:
    """Return what a side has: its output, or why it has none."""
    if side is None:
        return "(not there)"
    return side.output if side.is_there else f"({side.state}{f': {side.rule}' if side.rule else ''})"
