"""Who works: the runners that have not ended, what each can do, and what it has in hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database

SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A runner. One that has not been `heard` of within a lease was lost, and its work goes to the others.

    `labels` are what it has that actors may need, `servers` the model servers that it can ask, and it does as many
    scripts at once as it has slots.
    """

    runner_id: UUID
    host: str
    pid: int
    version: str
    started_at: datetime
    heartbeat_at: datetime
    heard: bool
    told: str
    labels: list[str]
    servers: list[str]
    script_slots: int
    waves: int
    interactions: int


async def runners(database: Database, *, lease_s: float, limit: int = SHOWN) -> list[Runner]:
    """Return the runners that have not ended, those at work first."""
    async with stored.snapshot(database) as connection:
        rows = await stored.list_runners(connection, lease_s=lease_s, limit=limit)
    return [Runner(**row) for row in rows]
