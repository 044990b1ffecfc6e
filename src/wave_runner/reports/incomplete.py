"""Why records are not done, in the words of their verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What some records lack: what is not as ensured, or the step that broke. `example` is the key of one of them."""

    reason: str
    records: int
    example: str


@dataclass(frozen=True, kw_only=True)
class Incomplete:
    """The most frequent reasons, and how many there are in all."""

    total: int
    reasons: list[Reason]


async def incomplete(connection: Connection, run_id: int, *, limit: int = SHOWN) -> Incomplete:
    """Return why records of the run are incomplete, the most frequent reason first."""
    rows = await stored.incomplete(connection, run_id, limit=limit)
    reasons = [Reason(reason=row["reason"], records=row["records"], example=row["example"]) for row in rows]
    return Incomplete(total=rows[0]["total"] if rows else 0, reasons=reasons)
