"""pgqueuer: a job for each step, which enqueues the job of the next step before it ends.

The jobs of the first steps are enqueued in one call; then one worker does all. A step is done when its job is logged as
successful, which pgqueuer does in batches. Each successor is stored by a call of its own; to store those of many jobs
in one call is much faster, and is not done here yet: until then its figure is too low to be quoted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import uvloop
from benchmarks.peers.side import STEPS, Side
from pgqueuer import Job, PgQueuer, Queries

BATCH = 100
CONNECTIONS = 10
LATENCY_BATCH = 1  # what is done is recorded when there is a batch of it, or after a tenth of a second
LOOK_S = 0.02

TOTAL = """
    SELECT count(*) FILTER (WHERE status = 'successful'), extract(epoch FROM max(created) - min(created))
    FROM pgqueuer_log WHERE status IN ('picked', 'successful')
"""
# The jobs of a record have consecutive numbers, as there is never more than one record.
EACH = f"""
    SELECT count(*) FILTER (WHERE status = 'successful'), 1000 * extract(epoch FROM max(created) - min(created))
    FROM (SELECT *, (job_id - min(job_id) OVER ()) / {STEPS} AS record FROM pgqueuer_log) AS log
    GROUP BY record ORDER BY record
"""
LEFT = "SELECT EXISTS (SELECT FROM pgqueuer)"


def bulk(url: str, records: int) -> None:
    """Enqueue all first steps, then let the worker do what there is until nothing is left."""
    uvloop.run(_bulk(url, records))


async def _bulk(url: str, records: int) -> None:
    async with _pool(url) as pool:
        queries = Queries.from_asyncpg_pool(pool)
        await queries.enqueue(["step"] * records, [b"1"] * records, [0] * records)
        async with _worker(pool, BATCH):
            await _done(pool)


def one_by_one(url: str, records: int) -> None:
    """Enqueue a first step whenever the waiting worker has nothing left to do."""
    uvloop.run(_one_by_one(url, records))


async def _one_by_one(url: str, records: int) -> None:
    async with _pool(url) as pool, _worker(pool, LATENCY_BATCH):
        queries = Queries.from_asyncpg_pool(pool)
        for _ in range(records):
            await queries.enqueue("step", b"1")
            await _done(pool)


async def _done(pool: asyncpg.Pool) -> None:
    while True:
        if not await pool.fetchval(LEFT):
            return
        await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def _pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        queries = Queries.from_asyncpg_pool(pool)
        await queries.install()
        await queries.optimize_autovacuum()
        yield pool


@contextlib.asynccontextmanager
async def _worker(pool: asyncpg.Pool, batch: int) -> AsyncIterator[None]:
    pgq = PgQueuer.from_asyncpg_pool(pool)
    queries = Queries.from_asyncpg_pool(pool)

    @pgq.entrypoint("step")
    async def step(job: Job) -> None:
        number = int(job.payload or b"")
        if number < STEPS:
            await queries.enqueue("step", b"%d" % (number + 1))

    running = asyncio.create_task(pgq.run(batch_size=batch, dequeue_timeout=timedelta(seconds=1)))
    yield
    pgq.shutdown.set()
    await running


_COMMON = {"driver": "asyncpg pool", "connections": CONNECTIONS, "optimize_autovacuum": True, "uvloop": True}
SIDE = Side(
    peer="pgqueuer",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={**_COMMON, "batch_size": BATCH},
    latency_settings={**_COMMON, "batch_size": LATENCY_BATCH},
)
