"""Schedules: when each is due next, and each firing with its run, decided once whoever comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from wave_runner.core import cron
from wave_runner.core.due import MOST_COUNTED, Missed
from wave_runner.core.event import EventType
from wave_runner.core.workflow import ScheduleSpec
from wave_runner.store import events
from wave_runner.store.database import Connection, Database, Row, fetch


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A schedule that is due, in the hands of this transaction; all times are the database's."""

    name: str
    cron: str
    timezone: str
    next_at: datetime
    now: datetime
    blocked_at: datetime | None
    blocked_by: str | None


async def put(connection: Connection, specs: Sequence[ScheduleSpec]) -> None:
    """Store what the folder says of its schedules; those that it does not name any more are never due."""
    moment = await now(connection)
    for spec in specs:
        next_at = cron.next_after(spec.cron, ZoneInfo(spec.timezone), moment)
        given = {"name": spec.name, "cron": spec.cron, "timezone": spec.timezone, "next_at": next_at}
        await fetch(connection, "schedules/put", given)
    await fetch(connection, "schedules/retire", {"names": [spec.name for spec in specs]})


async def now(connection: Connection) -> datetime:
    """Return the database's time: all schedules go by it."""
    moment: datetime = (await fetch(connection, "schedules/now"))[0]["now"]
    return moment


async def due(database: Database) -> list[str]:
    """Return the schedules whose time has come."""
    return [row["name"] for row in await database.fetch("schedules/due")]


async def lock(connection: Connection, name: str) -> Locked | None:
    """Take a schedule that is due; None if another runner has it, or has dealt with it."""
    rows = await fetch(connection, "schedules/lock", {"name": name})
    return Locked(name=name, **rows[0]) if rows else None


async def is_fired(connection: Connection, name: str, due_at: datetime) -> bool:
    """Say whether a time of a schedule has been fired."""
    return bool((await fetch(connection, "schedules/fired", {"name": name, "due_at": due_at}))[0]["fired"])


async def record_firing(connection: Connection, locked: Locked, due_at: datetime, run_id: int, runner_id: UUID) -> None:
    """Record that a run was started for a time of a schedule."""
    await fetch(connection, "schedules/fire", {"name": locked.name, "due_at": due_at, "run_id": run_id})
    data = {"schedule": locked.name, "due": _seconds(due_at), "late_s": _seconds(locked.now) - _seconds(due_at)}
    await events.append(connection, EventType.SCHEDULE_FIRED, data, run_id=run_id, runner_id=runner_id)


async def record_missed(connection: Connection, name: str, missed: Missed, runner_id: UUID) -> None:
    """Record that times of a schedule have passed without a run."""
    data = {
        "schedule": name,
        "missed": missed.count,
        "more": missed.count == MOST_COUNTED,
        "first": _seconds(missed.first),
    }
    await events.append(connection, EventType.SCHEDULE_MISSED, data, runner_id=runner_id)


async def block(connection: Connection, locked: Locked, reason: str, runner_id: UUID) -> bool:
    """Record why a schedule that is due is not fired; it stays due. False if that is known of this time."""
    if (locked.blocked_at, locked.blocked_by) == (locked.next_at, reason):
        return False
    given = {"name": locked.name, "blocked_at": locked.next_at, "blocked_by": reason}
    await fetch(connection, "schedules/block", given)
    data = {"schedule": locked.name, "due": _seconds(locked.next_at), "reason": reason}
    await events.append(connection, EventType.SCHEDULE_BLOCKED, data, runner_id=runner_id)
    return True


async def advance(connection: Connection, name: str, next_at: datetime | None) -> None:
    """Say when a schedule is due next."""
    await fetch(connection, "schedules/advance", {"name": name, "next_at": next_at})


async def listed(connection: Connection) -> dict[str, Row]:
    """Return how each schedule stands, with its last firing."""
    return {row["name"]: row for row in await fetch(connection, "schedules/list")}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
