"""What a run adds up to: counted, or as it is kept of a run that has ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from wave_runner.store.database import Connection, Database, Row, fetch

WINDOW_S = 3600.0
BUCKET_S = 60.0
FEW = 5_000  # interactions, which are counted sooner than anybody could keep their sums
NEWEST = 100  # runs


@dataclass(frozen=True, kw_only=True)
class Sums:
    """`work` has a row for each step and actor, `ends` one for each minute of the last hour in which something ended.

    `records` counts the records of the run by verdict, `staged` its staged rows by what has become of them.
    """

    work: list[Row]
    ends: list[Row]
    records: Row
    staged: Row


async def sums(connection: Connection, run_id: int) -> Sums:
    """Return what a run adds up to: as it is kept, where it holds still, else counted."""
    return await _kept(connection, run_id) or await _count(connection, run_id)


async def work(connection: Connection, run_id: int) -> list[Row]:
    """Return what its interactions add up to, by step and actor, alone."""
    kept = await _kept(connection, run_id)
    return kept.work if kept else await fetch(connection, "reports/work", {"run_id": run_id})


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
        found = await _count(connection, due[0]["run_id"])
    await database.fetch("run_sums/put", {**due[0], "sums": orjson.dumps(asdict(found)).decode()})
    return True


async def _count(connection: Connection, run_id: int) -> Sums:
    [records] = await fetch(connection, "reports/records", {"run_id": run_id})
    [staged] = await fetch(connection, "reports/staged", {"run_id": run_id})
    return Sums(
        work=await fetch(connection, "reports/work", {"run_id": run_id}),
        ends=await ends(connection, run_id, window_s=WINDOW_S, bucket_s=BUCKET_S),
        records=records,
        staged=staged,
    )


async def _kept(connection: Connection, run_id: int) -> Sums | None:
    rows = await fetch(connection, "run_sums/read", {"run_id": run_id})
    if not rows:
        return None
    said: dict[str, Any] = orjson.loads(rows[0]["sums"])
    return Sums(**{**said, "ends": [{**row, "bucket": _time(row["bucket"])} for row in said["ends"]]})


def _time(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
