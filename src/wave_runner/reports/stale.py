"""Work that nobody seems to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection

THRESHOLD_S = 30 * 60.0
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class StaleInteraction:
    """Held by a wave whose lease has run out (`lease_expired`), or running for too long (`running_long`)."""

    interaction_id: int
    state: str
    key: str | None
    step: str
    actor: str
    wave_id: int
    runner_id: UUID
    host: str
    pid: int
    running_s: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Stale:
    """All stale work of a run: how much there is, and the oldest of it."""

    threshold_s: float
    total: int
    oldest: list[StaleInteraction]


async def stale(connection: Connection, run_id: int, *, threshold_s: float = THRESHOLD_S) -> Stale:
    """Return what is stale; `threshold_s` is how long one try may run before it counts."""
    rows = await stored.stale(connection, run_id, threshold_s=threshold_s, limit=SHOWN)
    total = rows[0]["total"] if rows else 0
    oldest = [StaleInteraction(**{name: value for name, value in row.items() if name != "total"}) for row in rows]
    return Stale(threshold_s=threshold_s, total=total, oldest=oldest)
