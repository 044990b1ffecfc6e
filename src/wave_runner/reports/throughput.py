"""How fast a run works: what ended in each minute, or hour, of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import run_sums
from wave_runner.store.run_sums import BUCKET_S, WINDOW_S

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row
    from wave_runner.store.run_sums import Sums


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """What ended from `at` on, for the length of one bucket; buckets in which nothing ended are left out."""

    at: datetime
    finished: int
    completed: int


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """The last `window_s` seconds of a run, or all of it where it is shorter, up to its end or now."""

    window_s: float
    bucket_s: float
    finished: int
    per_minute: float
    buckets: list[Bucket]


async def throughput(
    connection: Connection, run_id: int, *, window_s: float = WINDOW_S, bucket_s: float = BUCKET_S
) -> Throughput:
    """Return how many interactions ended in the window, and when."""
    rows = await run_sums.ends(connection, run_id, window_s=window_s, bucket_s=bucket_s)
    return _throughput(rows, bucket_s)


def lately(sums: Sums) -> Throughput:
    """Return what ended in the last hour of a run, minute by minute."""
    return _throughput(sums.ends, BUCKET_S)


def _throughput(rows: Sequence[Row], bucket_s: float) -> Throughput:
    seconds = rows[0]["seconds"] if rows else 0.0
    buckets = [
        Bucket(at=row["bucket"], finished=row["finished"], completed=row["completed"])
        for row in rows
        if row["bucket"] is not None
    ]
    finished = sum(bucket.finished for bucket in buckets)
    per_minute = round(60 * finished / seconds, 1) if seconds > 0 else 0.0
    return Throughput(window_s=seconds, bucket_s=bucket_s, finished=finished, per_minute=per_minute, buckets=buckets)
