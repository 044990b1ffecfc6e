"""Is a record done? Decided from what stands in the tables, never from what the steps say of themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.conditions import ConditionError, condition

ALL_ROWS = "*"


@dataclass(frozen=True)
class Watched:
    """A value that `ensures` speaks of and a step of the workflow writes; column "*": a record's rows as a whole."""

    table: str
    column: str


@dataclass(frozen=True, kw_only=True)
class Value:
    """Who wrote a watched value last, and whether it still is what was written."""

    written: bool
    by_this_run: bool
    unchanged: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What stands for one record. `record` is None where its row is gone."""

    record: Mapping[str, Any] | None
    counts: Mapping[str, int]
    broken_steps: Sequence[str]
    values: Mapping[Watched, Value]


def columns_of(ensures: Sequence[str]) -> list[str]:
    """Return the record's columns that the conditions read."""
    return sorted({column for text in ensures for column in condition(text).members("record")})


def tables_of(ensures: Sequence[str]) -> list[str]:
    """Return the tables whose rows the conditions count."""
    return sorted({table for text in ensures for table in condition(text).tables})


def watched(ensures: Sequence[str], writes: Sequence[str], table: str) -> list[Watched]:
    """Return the declared writes that the conditions speak of. `table` is the collection's own."""
    spoken_of = {Watched(table, column) for column in columns_of(ensures)}
    spoken_of |= {Watched(counted, ALL_ROWS) for counted in tables_of(ensures)}
    declared = {_declared(name, {table, *tables_of(ensures)}) for name in writes}
    whole_tables = {one.table for one in declared if one.column == ALL_ROWS}
    return sorted(
        (one for one in spoken_of if one in declared or one.table in whole_tables),
        key=lambda one: (one.table, one.column),
    )


def _declared(name: str, tables: Collection[str]) -> Watched:
    """Return what a name in `writes` stands for: a table, which may have its schema before it, or a table's column."""
    table, dot, column = name.rpartition(".")
    return Watched(table, column) if dot and name not in tables else Watched(name, ALL_ROWS)


def broken(ensures: Sequence[str], facts: Facts) -> list[str]:
    """Return every reason why a record is not done; an empty list means that it is."""
    if facts.record is None:
        return ["record_missing: its row is gone", *facts.broken_steps]
    reasons = [reason for text in ensures if (reason := _unmet(text, facts)) is not None]
    for one, value in facts.values.items():
        name = one.table if one.column == ALL_ROWS else f"{one.table}.{one.column}"
        if not value.written or not value.by_this_run:
            reasons.append(f"{name}: not written by this run")
        elif not value.unchanged:
            reasons.append(f"{name}: changed_outside, it is not what this run wrote")
    return [*reasons, *facts.broken_steps]


def _unmet(text: str, facts: Facts) -> str | None:
    try:
        holds = condition(text).holds({"record": facts.record}, facts.counts)
    except ConditionError as error:
        return f"{text}: {error}"
    return None if holds else f"{text}: does not hold"
