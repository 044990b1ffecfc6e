"""`column:value` filters: which rows of a table, said in words that never become SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.core.text import unstorable

MAX_CHARACTERS = 2000

# A column, what to compare by, and a value: bare up to the next blank, or in quotes with \" and \\ inside.
_TERM = re.compile(
    r"""\s*(?P<column>[A-Za-z_][\w.]*):(?P<operator>[<>]=?|)(?:"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<bare>[^\s"<>]\S*))(?!\S)""",
    re.ASCII,
)


class FilterError(ValueError):
    """A filter cannot be read. The message quotes where."""


@dataclass(frozen=True)
class Term:
    """One condition: a column, `=`, `<`, `<=`, `>` or `>=`, and the value as text; None asks for NULL."""

    column: str
    operator: str
    value: str | None


def read_filter(text: str) -> tuple[Term, ...]:
    """Return the conditions of a filter, all of which must hold. Only the first colon of each separates.

    `title:engineer words:>100 posted:<2026-01-01 note:null city:"New York"`
    """
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"a filter of {len(text)} characters is too long: at most {MAX_CHARACTERS}")
    if unstorable(text):
        raise FilterError("a filter cannot hold a NUL character or half a surrogate pair")
    terms: list[Term] = []
    place = 0
    while text[place:].strip():
        found = _TERM.match(text, place)
        if found is None:
            raise FilterError(f"{text[place:].strip()!r:.60} is not column:value")
        terms.append(_term(found))
        place = found.end()
    if not terms:
        raise FilterError("a filter without a condition")
    return tuple(terms)


def plain(terms: Sequence[Term]) -> list[list[str | None]]:
    """Return conditions as JSON."""
    return [[term.column, term.operator, term.value] for term in terms]


def from_plain(data: Sequence[Sequence[str | None]]) -> tuple[Term, ...]:
    """Return the conditions that `plain` wrote."""
    return tuple(Term(str(column), str(operator), value) for column, operator, value in data)


def _term(found: re.Match[str]) -> Term:
    column, operator = found["column"], found["operator"] or "="
    if found["quoted"] is not None:
        return Term(column, operator, re.sub(r"\\(.)", r"\1", found["quoted"]))
    if found["bare"] == "null":
        if operator != "=":
            raise FilterError(f"nothing is less or more than null: {found[0].strip()!r:.60}")
        return Term(column, operator, None)
    return Term(column, operator, found["bare"])
