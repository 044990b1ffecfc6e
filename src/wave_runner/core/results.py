"""Filters over results: `model_digest:ab12 attempt:>1 out.verdict:FAKE`, held against what is recorded of each."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wave_runner.core.filters import FilterError, Term

OUTPUT = "out."
TEXTS = ("state", "rule", "error", "model")
HASHES = ("model_digest", "version")
NUMBERS = ("attempt",)
NAMES = (*TEXTS, *HASHES, *NUMBERS)
"""What can be asked of a result, besides `out.` and a field of its output. Hashes are given by their beginnings."""

SHORTEST = 6

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_of_result(term: Term) -> bool:
    """Say whether a condition asks about a result; all others are about the record's row."""
    return term.column in NAMES or term.column.startswith(OUTPUT)


def checked(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return conditions about results; raises `FilterError` for one that none can meet."""
    for term in terms:
        if term.column in TEXTS + HASHES and term.operator != "=":
            raise FilterError(f"{term.column} is not more or less than anything")
        if term.column in HASHES and term.value is not None and len(term.value) < SHORTEST:
            raise FilterError(f"{term.column}:{term.value} is too short a beginning: at least {SHORTEST} characters")
        if term.column in NUMBERS and (term.value is None or not term.value.isdecimal()):
            raise FilterError(f"{term.column} is a number")
    return tuple(terms)


def meets(terms: Sequence[Term], facts: Mapping[str, Any], output: Any) -> bool:
    """Say whether a result is as all conditions want it.

    `facts` has a value for each of `NAMES`; of `version`, the hashes of all that the step had pinned. `output` is its
    JSON value, None where there is none.
    """
    return all(_meets(term, facts, output) for term in terms)


def _meets(term: Term, facts: Mapping[str, Any], output: Any) -> bool:
    name, value = term.column, term.value
    if name.startswith(OUTPUT):
        field = name.removeprefix(OUTPUT)
        return fits(output.get(field) if isinstance(output, Mapping) else None, term.operator, value)
    found = facts[name]
    if value is None:
        return found is None
    if name in NUMBERS:
        return _COMPARE[term.operator](found, int(value))
    if name == "version":
        return any(one.startswith(value.lower()) for one in found)
    if name == "model_digest":
        return found is not None and _plain(found).startswith(_plain(value))
    return bool(found == value)


def _plain(digest: str) -> str:
    return digest.lower().removeprefix("sha256:")


def fits(found: Any, asked: str, value: str | None) -> bool:
    """Compare a value of an output with a text: as numbers where it is one, else as texts."""
    if value is None or found is None:
        return value is None and found is None
    if isinstance(found, bool):
        return asked == "=" and value.lower() == str(found).lower()
    if isinstance(found, int | float):
        try:
            return _COMPARE[asked](found, float(value))
        except ValueError:
            return False
    return isinstance(found, str) and _COMPARE[asked](found, value)
