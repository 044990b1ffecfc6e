"""Work that nobody seems to do, or that is overdue: it runs longer than its step usually takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from wave_runner.core.patience import FEW, STALE_LEAST_S, STALE_UNMEASURED_S
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class StaleInteraction:
    """Held by a wave whose lease has run out (`lease_expired`), or running longer than `threshold_s` (`running_long`).

    `running_s` is None where it is held and has not begun.
    """

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
    threshold_s: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Stale:
    """All stale work of a run: how much there is, and the oldest of it.

    `older_than_s` is the threshold that was asked for; None where each step has its own measure.
    """

    older_than_s: float | None
    total: int
    oldest: list[StaleInteraction]


async def stale(connection: Connection, run_id: int, *, older_than_s: float | None = None) -> Stale:
    """Return what is stale. Without `older_than_s` one try may run as long as 99 of 100 of its queue have taken.

    A script's records are begun a wave at a time, and each may need so long. Until enough of a queue are measured it
    is half an hour.
    """
    rows = await stored.stale(
        connection,
        run_id,
        older_than_s=older_than_s,
        few=FEW,
        least_s=STALE_LEAST_S,
        unmeasured_s=STALE_UNMEASURED_S,
        limit=SHOWN,
    )
    total = rows[0]["total"] if rows else 0
    oldest = [StaleInteraction(**{name: value for name, value in row.items() if name != "total"}) for row in rows]
    return Stale(older_than_s=older_than_s, total=total, oldest=oldest)
