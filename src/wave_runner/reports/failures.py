"""What goes wrong again and again: the failures of the newest runs, by their cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database

RUNS, LIMIT = 20, 100


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One cause: the same step and actor of a workflow, state, error class and rule, in `runs` runs.

    State `retrying` will be tried again; `doubted` was recorded as completed before something spoke against it.
    `interaction_id`, in `last_run_id`, is the newest that it concerns, and `error` what was said there.
    """

    workflow: str
    step: str
    actor: str
    state: str
    error_class: str | None
    rule: str | None
    n: int
    records: int
    runs: int
    first_run_id: int
    newest: datetime | None
    last_run_id: int
    interaction_id: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The causes of failures in the newest `of_runs` runs, the most frequent first; no more than 100 of them."""

    of_runs: int
    rows: list[Failure]


async def failures(database: Database, *, workflow: str | None = None, runs: int = RUNS) -> Failures:
    """Return what has gone wrong in so many of the newest runs, of one workflow where that is asked for."""
    async with stored.snapshot(database) as connection:
        found = await stored.failures(connection, workflow=workflow, runs=runs, limit=LIMIT)
    return Failures(of_runs=runs, rows=[Failure(**row) for row in found])
