"""The events of a run, page by page: what has happened?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from wave_runner.reports.interactions import NEWEST, run_of
from wave_runner.reports.trace import data_of
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database, Row

LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class ListedEvent:
    """One event. `said` is its data: numbers, names of the project, hashes and commitments, and no text of a record.

    `cause` is the event before it, as INTERACTION.SEQ; "" where it has none.
    """

    event_id: int
    recorded_at: datetime
    type: str
    interaction_id: int | None
    seq: int | None
    cause: str
    key: str | None
    step: str | None
    actor: str | None
    wave_id: int | None
    runner_id: UUID | None
    said: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Events:
    """A page of a run's events, the newest first. The next stands before `next_before_id`; None: this is the last."""

    run_id: int
    workflow: str
    rows: list[ListedEvent]
    next_before_id: int | None


async def events(
    database: Database, run_id: int | None = None, *, before: int | None = None, limit: int = LIMIT
) -> Events:
    """Return events of a run, the newest run by default. Raises `NotFoundError` if there is no such run."""
    async with stored.snapshot(database) as connection:
        chosen, workflow = await run_of(connection, run_id)
        first = before if before is not None else NEWEST
        found = await stored.events(connection, chosen, before=first, limit=limit + 1)
    rows = [_event(row) for row in found[:limit]]
    following = rows[-1].event_id if len(found) > limit else None
    return Events(run_id=chosen, workflow=workflow, rows=rows, next_before_id=following)


def _event(row: Row) -> ListedEvent:
    caused = row["cause_interaction_id"] is not None
    return ListedEvent(
        **{name: row[name] for name in ListedEvent.__dataclass_fields__ if name in row and name != "sha256"},
        cause=f"{row['cause_interaction_id']}.{row['cause_seq']}" if caused else "",
        said=data_of(row["data"]),
        sha256=bytes(row["sha256"]).hex(),
    )
