"""History, month by month, as texts in CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

from wave_runner.store.database import Connection, copied, fetch

ROWS = {
    "runs": "archive/runs",
    "interactions": "archive/interactions",
    "events": "archive/events",
    "calls": "archive/calls",
}
LONGEST_S = 3600.0
"""So long the rows of one table of a month may take."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """The runs of a month from `first_run` on and before `following`; `month` is its first day."""

    first_run: int
    following: int
    month: date


async def ranges(connection: Connection, since: date | None, before: date | None) -> list[Range]:
    """Return the ranges of months with runs from `since` on and before `before`, but for those that were dropped."""
    found = await fetch(connection, "archive/ranges", {"since": since, "before": before})
    return [Range(**row) for row in found]


def rows(connection: Connection, table: str, of: Range) -> AsyncIterator[bytes]:
    """Give the rows of one of the tables of `core/archive.py` as CSV, below a line with the names of the columns."""
    connection.allow(LONGEST_S)
    return copied(connection, ROWS[table], {"first_run": of.first_run, "following": of.following})
