"""What a receiver outside was told of alerts, and what it is still to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database

SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice: that an alert was raised, or settled. Its `state` is due, trying, sent or given_up.

    `over_at` is when it was taken or given up, `next_at` when it is tried next, `trouble` why its last attempt failed.
    """

    notice_id: UUID
    says: str
    kind: str
    subject: str
    made_at: datetime
    state: str
    attempts: int
    over_at: datetime | None
    next_at: datetime | None
    trouble: str | None


async def notices(database: Database, *, limit: int = SHOWN) -> list[Notice]:
    """Return the newest notices."""
    async with stored.snapshot(database) as connection:
        return [Notice(**row) for row in await stored.notices(connection, limit=limit)]
