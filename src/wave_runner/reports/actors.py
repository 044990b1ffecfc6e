"""Who did how much, how well and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.reports.rate import success_percent
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One actor of a run. An execution is an attempt charged to it; `broken` are those of its
    interactions that failed or broke their contract after an execution; times are of calls that were made."""

    actor: str
    kind: str
    state: str
    executions: int
    retries: int
    completed: int
    broken: int
    success_percent: float | None
    min_us: int | None
    average_us: float | None
    max_us: int | None


async def actors(connection: Connection, run_id: int) -> list[Actor]:
    """Return the actors of a run, the busiest first."""
    return [
        Actor(**row, success_percent=success_percent(completed=row["completed"], broken=row["broken"]))
        for row in await stored.actors(connection, run_id)
    ]
