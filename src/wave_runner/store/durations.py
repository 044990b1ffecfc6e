"""How long attempts take, queue by queue, as all runners have measured it."""

from __future__ import annotations

from collections.abc import Mapping

from wave_runner.core.patience import BUCKETS_PER_DOUBLING
from wave_runner.store.database import Database, fetch

# Beyond so many samples the older ones fade.
MOST_SAMPLES = 5000


async def add(database: Database, queue_id: int, counts: Mapping[int, int]) -> None:
    """Add attempts by bucket, and sum up anew what is known of the queue."""
    queue = {"queue_id": queue_id}
    async with database.transaction() as connection:
        await fetch(connection, "durations/lock", queue)
        await fetch(connection, "durations/fade", {**queue, "most": MOST_SAMPLES})
        given = {"buckets": list(counts), "counts": list(counts.values())}
        await fetch(connection, "durations/add", {**queue, **given})
        await fetch(connection, "durations/sum_up", {**queue, "per_doubling": BUCKETS_PER_DOUBLING})
