"""Who did how much, how well and how fast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.reports.rate import success_percent
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row

SUMMED = ("attempts", "answers", "retries", "completed", "broken", "timed", "service_us")


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


async def actors(connection: Connection, run_id: int, work: Sequence[Row]) -> list[Actor]:
    """Return the actors of a run, the busiest first."""
    steps: dict[str, list[Row]] = defaultdict(list)
    for row in work:
        steps[row["actor"]].append(row)
    found = [_actor(row, steps[row["name"]]) for row in await stored.actors(connection, run_id)]
    return sorted(found, key=lambda one: (-one.executions, one.actor))


def _actor(row: Row, steps: Sequence[Row]) -> Actor:
    total = {name: sum(step[name] for step in steps) for name in SUMMED}
    timed = [step for step in steps if step["timed"]]
    return Actor(
        actor=row["name"],
        kind=row["kind"],
        state=row["state"],
        executions=total["attempts"] - total["answers"],
        retries=total["retries"],
        completed=total["completed"],
        broken=total["broken"],
        success_percent=success_percent(completed=total["completed"], broken=total["broken"]),
        min_us=min((step["min_us"] for step in timed), default=None),
        average_us=total["service_us"] / total["timed"] if timed else None,
        max_us=max((step["max_us"] for step in timed), default=None),
    )
