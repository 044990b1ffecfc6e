"""How the log stands: what is sealed, signed, behind, and what keeps it from going on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.core.note import VerifierKey
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class LogStatus:
    """The log as it stands. Texts are "" and times None where there is nothing to say; ages are in seconds.

    `key` is what others check the newest checkpoint by. `stopped` is `ROLLED_BACK` or `FORKED`: nothing is sealed or
    signed until `wave audit new-epoch`. `restored` says that the database is in another cluster than its log was.
    """

    origin: str
    size: int
    key: str
    checkpoint: str
    signed_size: int
    signed_at: datetime | None
    signed_age_s: float
    unsealed: int
    behind_s: float
    restored: bool
    stopped: str
    stopped_at: datetime | None
    stopped_because: str
    trouble: str
    troubled_at: datetime | None


async def log_status(database: Database) -> LogStatus | None:
    """Return how the log stands; None where no runner has begun it."""
    async with stored.snapshot(database) as connection:
        row = await stored.log_status(connection)
    if row is None:
        return None
    public = row["public_key"]
    return LogStatus(
        origin=row["origin"],
        size=row["next_index"],
        key=str(VerifierKey(name=row["origin"], public=bytes(public))) if public else "",
        checkpoint=row["note"] or "",
        signed_size=row["signed_size"] or 0,
        signed_at=row["signed_at"],
        signed_age_s=row["signed_age_s"] or 0.0,
        unsealed=row["unsealed"],
        behind_s=row["behind_s"],
        restored=row["restored"],
        stopped=row["stopped"] or "",
        stopped_at=row["stopped_at"],
        stopped_because=row["stopped_because"] or "",
        trouble=row["trouble"] or "",
        troubled_at=row["troubled_at"],
    )
