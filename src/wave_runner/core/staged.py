"""Filters over staged rows: `state:rejected rule:empty raw.title:"Night Librarian"`, held against each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wave_runner.core.filters import FilterError, Term
from wave_runner.core.results import fits

RAW = "raw."
NAMES = ("id", "state", "source", "key", "rule", "field")
"""What can be asked of a staged row, besides `raw.` and a member of what came. Of a row's reasons any may be meant."""

DECIDABLE = ("waiting", "rejected", "rolled_back")
"""The states of rows that can be validated again, promoted or rejected: nothing has come of them."""


def checked(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return conditions about staged rows; raises `FilterError` for one that none can meet."""
    for term in terms:
        if term.column not in NAMES and not term.column.startswith(RAW):
            raise FilterError(f"{term.column} is nothing that a staged row has: {', '.join(NAMES)} or raw.FIELD")
    return tuple(terms)


def meets(terms: Sequence[Term], row: Mapping[str, Any], raw: Any) -> bool:
    """Say whether a row is as all conditions want it. `row` has `NAMES` without the last two, and `errors`."""
    return all(_meets(term, row, raw) for term in terms)


def _meets(term: Term, row: Mapping[str, Any], raw: Any) -> bool:
    if term.column.startswith(RAW):
        member = term.column.removeprefix(RAW)
        return fits(raw.get(member) if isinstance(raw, Mapping) else None, term.operator, term.value)
    if term.column in ("rule", "field"):
        said = [error.get(term.column) for error in row["errors"] if isinstance(error, Mapping)]
        return any(fits(one, term.operator, term.value) for one in said or [None])
    return fits(row[term.column], term.operator, term.value)
