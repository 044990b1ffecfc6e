"""What is under way at this moment, read in one snapshot: open runs as `wave status` has them, and what lanes do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.core.interaction import TERMINAL
from wave_runner.core.notice import Alert
from wave_runner.reports.alerts import raised, standing
from wave_runner.reports.errors import Pattern, patterns
from wave_runner.reports.overall import Interactions, Records, Run, overall
from wave_runner.reports.stale import stale
from wave_runner.reports.steps import Step, steps
from wave_runner.reports.tasks import Waiting, waiting
from wave_runner.reports.throughput import lately
from wave_runner.store import reports as stored
from wave_runner.store import run_sums

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database

MOST_RUNS = 5
MOST_WAVES = 100
NEWEST_VISITS = 200
PATIENT = frozenset({"waiting"})  # a person's, who has no pace


@dataclass(frozen=True, kw_only=True)
class WatchedRun:
    """A run under way. `left_s` is what is left by the pace so far; None where there is none, or nothing is left.

    Of a large one the records, the pace, and the retries and times of steps are as they were counted at `counted_at`;
    errors are as of `errors_counted_at`, where they are many.
    """

    run: Run
    counted_at: datetime | None
    records: Records
    interactions: Interactions
    steps: list[Step]
    per_minute: float
    left_s: float | None
    stale: int
    people: list[Waiting]
    errors: list[Pattern]
    errors_counted_at: datetime | None
    alerts: list[Alert]


@dataclass(frozen=True, kw_only=True)
class InHand:
    """A wave that is open: whose, in which lane, for which actor and model, of how many interactions, for how long."""

    wave_id: int
    host: str
    pid: int
    lane: str
    slot: int | None
    actor: str
    model: str | None
    size: int
    open_s: float


@dataclass(frozen=True, kw_only=True)
class Resident:
    """The model that a runner has had brought to a server last."""

    server: str
    model: str
    host: str
    pid: int
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class Watched:
    """All of it, at one moment."""

    as_of: datetime | None  # None: there is no run yet
    runs: list[WatchedRun]
    in_hand: list[InHand]
    resident: list[Resident]
    alerts: list[Alert]


async def watched(database: Database, run_id: int | None = None) -> Watched:
    """Return one run, or the newest that have not ended, or where all have the newest.

    Raises `NotFoundError` if there is no such run.
    """
    async with stored.snapshot(database) as connection:
        found = [await _run(connection, one) for one in await _chosen(connection, run_id)]
        return Watched(
            as_of=found[0][1] if found else None,
            runs=[one for one, _ in found],
            in_hand=[InHand(**row) for row in await stored.in_hand(connection, limit=MOST_WAVES)],
            resident=[Resident(**row) for row in await stored.resident(connection, newest=NEWEST_VISITS)],
            alerts=await standing(connection),
        )


async def _chosen(connection: Connection, run_id: int | None) -> list[int]:
    if run_id is not None:
        return [run_id]
    if found := await stored.open_runs(connection, limit=MOST_RUNS):
        return found
    newest = await stored.newest_run(connection)
    return [] if newest is None else [newest]


async def _run(connection: Connection, run_id: int) -> tuple[WatchedRun, datetime]:
    sums = await run_sums.sums(connection, run_id)
    whole = await overall(connection, run_id, sums)
    per_minute = lately(sums).per_minute
    found = WatchedRun(
        run=whole.run,
        counted_at=whole.counted_at,
        records=whole.records,
        interactions=whole.interactions,
        steps=await steps(connection, run_id, sums.work),
        per_minute=per_minute,
        left_s=_left_s(whole.interactions, per_minute),
        stale=(await stale(connection, run_id)).total,
        people=await waiting(connection, run_id),
        errors=patterns(sums),
        errors_counted_at=sums.wrong.counted_at,
        alerts=await raised(connection, run_id),
    )
    return found, whole.as_of


def _left_s(interactions: Interactions, per_minute: float) -> float | None:
    left = sum(n for state, n in interactions.by_state.items() if state not in TERMINAL and state not in PATIENT)
    return left * 60 / per_minute if left and per_minute else None
