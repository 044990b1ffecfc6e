"""The records of a run against its steps, page by page: where does each stand?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wave_runner.reports.interactions import run_of
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database, Row

LIMIT = 50


@dataclass(kw_only=True)
class Cell:
    """A record in a step: how many interactions of it are in each state. `interaction_id` is the newest of them."""

    interaction_id: int
    states: dict[str, int] = field(default_factory=dict)


@dataclass(kw_only=True)
class RecordRow:
    """A record of the run, its verdict, and how it stands in each step that it has come to."""

    record_id: int
    key: str
    verdict: str
    cells: dict[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A page of records, in the order in which they came, against the steps in the order of the file.

    The next page stands after `next_after_id`; None: this is the last.
    """

    run_id: int
    workflow: str
    steps: list[str]
    rows: list[RecordRow]
    next_after_id: int | None


async def matrix(
    database: Database, run_id: int | None = None, *, after: int | None = None, limit: int = LIMIT
) -> Matrix:
    """Return how records of a run stand, the newest run by default. Raises `NotFoundError` if there is no such run."""
    async with stored.snapshot(database) as connection:
        chosen, workflow = await run_of(connection, run_id)
        steps = await stored.steps_of(connection, chosen)
        found = await stored.matrix(connection, chosen, after=after or 0, limit=limit + 1)
    rows: dict[int, RecordRow] = {}
    for one in found:
        of = rows.setdefault(
            one["record_id"], RecordRow(record_id=one["record_id"], key=one["key"], verdict=one["verdict"])
        )
        if one["step"] is not None:
            _add(of.cells, one)
    page = list(rows.values())[:limit]
    return Matrix(
        run_id=chosen,
        workflow=workflow,
        steps=steps,
        rows=page,
        next_after_id=page[-1].record_id if len(rows) > limit else None,
    )


def _add(cells: dict[str, Cell], row: Row) -> None:
    cell = cells.setdefault(row["step"], Cell(interaction_id=row["interaction_id"]))
    cell.interaction_id = max(cell.interaction_id, row["interaction_id"])
    cell.states[row["state"]] = cell.states.get(row["state"], 0) + row["n"]
