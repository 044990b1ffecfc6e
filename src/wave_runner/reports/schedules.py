"""Schedules: when each is due, and what came of the last time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wave_runner.core import cron
from wave_runner.store import reports as stored
from wave_runner.store import schedules

if TYPE_CHECKING:
    from wave_runner.core.workflow import ScheduleSpec
    from wave_runner.store.database import Database, Row

TIMES = 3


@dataclass(frozen=True, kw_only=True)
class Firing:
    """The last time that was fired, when, and the run that it started."""

    due_at: datetime
    fired_at: datetime
    run_id: int
    run_state: str


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule of the folder. The first of `next` may have passed: it is overdue then, and `blocked_by` says why."""

    schedule: str
    workflow: str
    cron: str
    timezone: str
    catch_up: str
    params: Mapping[str, str]
    limit: int | None
    next: list[datetime]
    blocked_by: str | None
    last: Firing | None


async def schedules_of(database: Database, specs: Iterable[ScheduleSpec]) -> list[Schedule]:
    """Return how each schedule stands, at one moment of the database's clock, in its own time zone."""
    async with stored.snapshot(database) as connection:
        known = await schedules.listed(connection)
        now = await schedules.now(connection)
    return [_schedule(spec, known.get(spec.name), now) for spec in specs]


def _schedule(spec: ScheduleSpec, row: Row | None, now: datetime) -> Schedule:
    return Schedule(
        schedule=spec.name,
        workflow=spec.workflow,
        cron=spec.cron,
        timezone=spec.timezone,
        catch_up=spec.catch_up,
        params=dict(spec.params),
        limit=spec.limit,
        next=_next(spec, row, now),
        blocked_by=row["blocked_by"] if row else None,
        last=_firing(row) if row and row["run_id"] else None,
    )


def _next(spec: ScheduleSpec, row: Row | None, now: datetime) -> list[datetime]:
    """Return the next times: as the database has them, or for what it does not know yet as the folder says."""
    zone = ZoneInfo(spec.timezone)
    stored_as = (row["cron"], row["timezone"]) if row else None
    first = row["next_at"] if row and stored_as == (spec.cron, spec.timezone) else None
    first = first or cron.next_after(spec.cron, zone, now)
    if first is None:
        return []
    times = itertools.chain([first], cron.occurrences(spec.cron, zone, first))
    return [moment.astimezone(zone) for moment in itertools.islice(times, TIMES)]


def _firing(row: Row) -> Firing:
    return Firing(**{name: row[name] for name in Firing.__dataclass_fields__})
