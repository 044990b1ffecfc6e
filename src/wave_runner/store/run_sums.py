"""What a run adds up to: counted, as it is kept of a run that has ended, or as a large one came to a while ago."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from wave_runner.store import run_details
from wave_runner.store.database import CANCELLED, Connection, Database, Row, Unavailable, fetch

log = logging.getLogger("wave_runner.store")

WINDOW_S = 3600.0
BUCKET_S = 60.0
FEW = 5_000  # interactions, which are counted sooner than anybody could keep their sums
NEWEST = 100  # runs

SHOWN = 5  # failures, the newest
MANY_WRONG = 1_000  # interactions that have failed, of a run under way: fewer are looked at whenever somebody asks

MANY = 10_000  # interactions of a run under way: what fewer come to is counted while one hardly waits
LONGEST_S = 60.0  # for each statement that counts
TAKEN = 5  # times that: then whoever counts is believed to be dead
REST_S = 5.0
RESTS = 20  # times what the count has taken


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """What has gone wrong in a run by kind, and which interactions did last: at `counted_at`; None: now."""

    kinds: list[Row]
    newest: list[int]
    counted_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Sums:
    """`work` has a row for each step and actor, `ends` one for each minute of the last hour in which something ended.

    `records` counts the records of the run by verdict, `staged` its staged rows by what has become of them; `spent` is
    the most that one record has used, `wrong` what has failed. `counted_at` is the moment of which all but `wrong` is;
    None: it is so now.
    """

    work: list[Row]
    ends: list[Row]
    records: Row
    staged: Row
    spent: Row
    wrong: Wrong
    counted_at: datetime | None = None


async def sums(connection: Connection, run_id: int, *, now: bool = False) -> Sums:
    """Return what a run adds up to: as it is kept, where it holds still, else counted.

    Of a large run that is under way it is what it came to when it was counted last, unless it has to be as it is `now`.
    """
    if kept := await _kept(connection, run_id):
        return kept
    interim = None if now else await _interim(connection, run_id)
    return interim or await _count(connection, run_id)


async def ends(connection: Connection, run_id: int, *, window_s: float, bucket_s: float) -> list[Row]:
    """Return what ended in each bucket of the window; one row without a bucket where nothing did."""
    return await fetch(connection, "reports/throughput", {"run_id": run_id, "window_s": window_s, "bucket_s": bucket_s})


async def keep(database: Database, *, least: int = FEW) -> bool:
    """Add up one run that has ended, so that no report has to. True if there may be another one.

    A run in which transactions of before may still write is only noted: it is added up another time.
    """
    due = await database.fetch("run_sums/due", {"least": least, "newest": NEWEST})
    if not due:
        return False
    await database.fetch("run_sums/note", due[0])
    async with database.snapshot() as connection:
        if not await fetch(connection, "run_sums/quiet", {"run_id": due[0]["run_id"]}):
            return False
        found = await _count_all(connection, due[0]["run_id"])
    await database.fetch("run_sums/put", {**due[0], **found})
    return True


async def keep_interim(database: Database, *, least: int = MANY, longest_s: float = LONGEST_S) -> bool:
    """Count a large run that is under way, where it is time to. Returns whether that was done.

    One runner counts at a time, and all of them together rest for many times as long as that has taken. None of its
    statements may take longer than `longest_s` seconds.
    """
    taken = await database.fetch("interim_sums/take", {"least": least, "longest_s": TAKEN * longest_s})
    if not taken:
        return False
    run_id, limit = taken[0]["run_id"], f"{1000 * longest_s:.0f}ms"
    try:
        async with database.snapshot() as connection:
            connection.allow(longest_s)
            [begun] = await fetch(connection, "interim_sums/begin", {"run_id": run_id, "limit": limit})
            found = await _count_all(connection, run_id)
    except Unavailable as error:
        if error.sqlstate != CANCELLED:
            raise
        log.warning("run %s could not be counted within %s; another try in some minutes", run_id, limit)
        return False
    moment = {name: begun[name] for name in ("counted_at", "newest_event_id")}
    await database.fetch("interim_sums/put", {"run_id": run_id, **moment, **found, "rest_s": REST_S, "rests": RESTS})
    return True


async def _count_all(connection: Connection, run_id: int) -> dict[str, Any]:
    """Return all that is kept of a run, as it is kept."""
    details = await run_details.count(connection, run_id)
    return {
        "sums": orjson.dumps(asdict(await _count(connection, run_id))).decode(),
        "details": run_details.text(details),
        "unsettled": details.unsettled,
    }


async def _count(connection: Connection, run_id: int) -> Sums:
    [records] = await fetch(connection, "reports/records", {"run_id": run_id})
    [staged] = await fetch(connection, "reports/staged", {"run_id": run_id})
    [spent] = await fetch(connection, "reports/spent", {"run_id": run_id})
    return Sums(
        work=await fetch(connection, "reports/work", {"run_id": run_id}),
        ends=await ends(connection, run_id, window_s=WINDOW_S, bucket_s=BUCKET_S),
        records=records,
        staged=staged,
        spent=spent,
        wrong=await _wrong(connection, run_id),
    )


async def _wrong(connection: Connection, run_id: int) -> Wrong:
    newest = await fetch(connection, "reports/newest_errors", {"run_id": run_id, "limit": SHOWN})
    kinds = await fetch(connection, "reports/errors", {"run_id": run_id})
    return Wrong(kinds=kinds, newest=[row["interaction_id"] for row in newest])


async def _kept(connection: Connection, run_id: int) -> Sums | None:
    rows = await fetch(connection, "run_sums/read", {"run_id": run_id})
    return _read(rows[0]["sums"], counted_at=None) if rows else None


async def _interim(connection: Connection, run_id: int) -> Sums | None:
    rows = await fetch(connection, "interim_sums/read", {"run_id": run_id})
    if not rows:
        return None
    found = _read(**rows[0])
    if sum(kind["n"] for kind in found.wrong.kinds) >= MANY_WRONG:
        return found
    return replace(found, wrong=await _wrong(connection, run_id))


def _read(sums: str, *, counted_at: datetime | None) -> Sums:
    said: dict[str, Any] = orjson.loads(sums)
    ends = [{**row, "bucket": _time(row["bucket"])} for row in said["ends"]]
    kinds = [{**row, "newest": _time(row["newest"])} for row in said["wrong"]["kinds"]]
    wrong = Wrong(kinds=kinds, newest=said["wrong"]["newest"], counted_at=counted_at)
    return Sums(**{**said, "ends": ends, "wrong": wrong, "counted_at": counted_at})


def _time(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
