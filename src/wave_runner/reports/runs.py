"""The runs, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database

LIMIT = 50


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """One run. `seconds` is how long it took, or has taken so far; `reason` says why it has failed."""

    run_id: int
    workflow: str
    state: str
    reason: str | None
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Runs:
    """A page of runs, the newest first. The next one stands before `next_before_id`; None: this is the last."""

    rows: list[ListedRun]
    next_before_id: int | None


async def runs(
    database: Database,
    *,
    workflow: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = LIMIT,
) -> Runs:
    """Return runs, of one workflow or in one state where that is asked for."""
    async with stored.snapshot(database) as connection:
        found = await stored.runs(connection, workflow=workflow, state=state, before=before, limit=limit + 1)
    rows = [ListedRun(**row) for row in found[:limit]]
    return Runs(rows=rows, next_before_id=rows[-1].run_id if len(found) > limit else None)
