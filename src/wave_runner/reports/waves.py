"""Waves: what model servers have in hand now, and what was done before, with the reason of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from wave_runner.reports.interactions import NEWEST, run_of
from wave_runner.reports.trace import data_of
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database, Row

LIMIT = 50


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A slot of a model server, with the wave that it has in hand; of a server that has none, one with None.

    `lost` says that the lease of the wave has run out. `model` is the one that the server was asked for last, at
    `asked_at`; if it had to be loaded for that (`loaded`), it took `load_us`.
    """

    server: str
    slot: int | None
    wave_id: int | None
    actor: str | None
    size: int | None
    opened_at: datetime | None
    runner_id: UUID | None
    lost: bool
    model: str | None
    loaded: bool | None
    load_us: int | None
    asked_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ListedWave:
    """One wave. `reason` is why this queue was taken then, `done` how many of `size` were done: None while it is open.

    Waves of one visit are asked of a `model` that was brought into memory once: if it was `loaded` for that, it took
    `load_us`. `ended_by` is the type of the event that says how it ended.
    """

    wave_id: int
    actor: str
    kind: str
    server: str | None
    slot: int | None
    model: str | None
    visit_id: int | None
    loaded: bool | None
    load_us: int | None
    size: int
    done: int | None
    reason: str | None
    opened_at: datetime
    closed_at: datetime | None
    ended_by: str | None
    runner_id: UUID
    host: str


@dataclass(frozen=True, kw_only=True)
class Waves:
    """Lanes, and a page of waves, the newest first: of all queues, or of those that the run waits in while it is open.

    The next page stands before `next_before_id`; None: this is the last.
    """

    run_id: int | None
    lanes: list[Lane]
    rows: list[ListedWave]
    next_before_id: int | None


async def waves(
    database: Database, run_id: int | None = None, *, before: int | None = None, limit: int = LIMIT
) -> Waves:
    """Return waves. Raises `NotFoundError` if there is no such run."""
    async with stored.snapshot(database) as connection:
        if run_id is not None:
            await run_of(connection, run_id)
        lanes = await stored.lanes(connection)
        found = await stored.waves(connection, run_id, before=before if before is not None else NEWEST, limit=limit + 1)
    rows = [_wave(row) for row in found[:limit]]
    return Waves(
        run_id=run_id,
        lanes=[Lane(**row) for row in lanes],
        rows=rows,
        next_before_id=rows[-1].wave_id if len(found) > limit else None,
    )


def _wave(row: Row) -> ListedWave:
    opened, ended = row["opened"], row["ended"]
    return ListedWave(
        **{name: row[name] for name in ListedWave.__dataclass_fields__ if name in row},
        done=data_of(ended).get("done") if ended is not None else None,
        reason=data_of(opened).get("reason") if opened is not None else None,
    )
