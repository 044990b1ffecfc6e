"""What waits for people: the open tasks, and how many wait in each queue of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database

SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class OpenTask:
    """A task that is not decided. `decided` is how many of the `needs` people have `spoken` in this round.

    With `bulk` one answer may be given to it and others of its step at once.
    """

    task: int
    queue: str
    title: str
    workflow: str
    run_id: int
    step: str
    key: str | None
    priority: int
    due_at: datetime | None
    overdue: bool
    asked_at: datetime
    needs: int
    decided: int
    spoken: Sequence[str]
    claimed_by: str | None
    bulk: bool


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Open tasks in one queue: of a run, or of all."""

    queue: str
    tasks: int
    claimed: int
    overdue: int
    oldest: datetime


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """A page of the open tasks that were asked for, how many there are in all, and every queue in which any waits.

    The next page comes after the task `next_after`; None: this is the last.
    """

    total: int
    rows: Sequence[OpenTask]
    next_after: int | None
    queues: Sequence[Waiting]


async def open_tasks(
    database: Database,
    *,
    run_id: int | None = None,
    queue: str | None = None,
    person: str | None = None,
    overdue: bool = False,
    after: int | None = None,
    limit: int = SHOWN,
) -> Tasks:
    """Return a page of the open tasks, the most urgent first; `person` leaves those that they have claimed."""
    async with stored.snapshot(database) as connection:
        total, rows = await stored.tasks(
            connection, run_id=run_id, queue=queue, person=person, overdue=overdue, after=after, limit=limit + 1
        )
        queues = [Waiting(**row) for row in await stored.queues_of_people(connection)]
    found = [OpenTask(**{name: row[name] for name in OpenTask.__dataclass_fields__}) for row in rows[:limit]]
    return Tasks(total=total, rows=found, next_after=found[-1].task if len(rows) > limit else None, queues=queues)


async def waiting(connection: Connection, run_id: int) -> list[Waiting]:
    """Return the queues in which tasks of a run wait."""
    return [Waiting(**row) for row in await stored.waiting_for_people(connection, run_id)]
