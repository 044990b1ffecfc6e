"""PgQueuer: a job for each step, which enqueues the job of the next step before it ends.

The jobs of the first steps are enqueued in one call before there is a worker. The clock sees its log: from the first
job `picked` to the last `successful`; for latency from a record's first `queued` to its last `successful`.

Its worker picks jobs in batches, and logs what is done in batches or after a tenth of a second; a hundred did best, and
one for latency. Jobs that enqueue their successors at the same time share one call too, which makes it several times as
fast as a call each. Two processes are faster than one, or three. The driver is asyncpg on uvloop, on a pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Barrier

import asyncpg
import uvloop
from benchmarks.peers import side
from benchmarks.peers.side import STEPS, Settings, Side
from pgqueuer import Job, PgQueuer, Queries

LOOK_S = 0.1
LOOK_FOR_ONE_S = 0.02

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


def bulk(url: str, records: int, settings: Settings) -> None:
    """Enqueue all first steps, then let worker processes do what there is."""
    asyncio.run(_prepare(url, records))
    side.as_in_use(url)
    with side.workers(settings["processes"], work, url, settings) as processes:
        side.wait_until_done(url, LEFT, LOOK_S, processes)


def one_by_one(url: str, records: int, settings: Settings) -> None:
    """Enqueue a first step whenever the waiting worker has nothing left to do."""
    asyncio.run(_one_by_one(url, records, settings))


async def _prepare(url: str, records: int) -> None:
    async with _pool(url, 1) as pool:
        await _install(pool)
        await _enqueue(pool, [(n, 1) for n in range(records)])


async def _one_by_one(url: str, records: int, settings: Settings) -> None:
    async with _pool(url, 1) as pool:
        await _install(pool)
        with side.workers(1, work, url, settings) as processes:
            for n in range(records):
                await _enqueue(pool, [(n, 1)])
                side.wait_until_done(url, LEFT, LOOK_FOR_ONE_S, processes)


async def _install(pool: asyncpg.Pool) -> None:
    queries = Queries.from_asyncpg_pool(pool)
    await queries.install()
    await queries.optimize_autovacuum()


async def _enqueue(pool: asyncpg.Pool, jobs: list[tuple[int, int]]) -> None:
    payloads: list[bytes | None] = [b"%d %d" % job for job in jobs]
    await Queries.from_asyncpg_pool(pool).enqueue(["step"] * len(jobs), payloads, [0] * len(jobs))


def work(barrier: Barrier, url: str, settings: Settings) -> None:
    """Be a worker process, until it is killed."""
    logging.getLogger("pgqueuer").setLevel(logging.ERROR)
    uvloop.run(_work(barrier, url, settings))


async def _work(barrier: Barrier, url: str, settings: Settings) -> None:
    async with _pool(url, settings["connections"]) as pool:
        worker = PgQueuer.from_asyncpg_pool(pool)
        successors = side.Together(partial(_enqueue, pool))

        @worker.entrypoint("step")
        async def step(job: Job) -> None:
            record, number = map(int, (job.payload or b"").split())
            if number < STEPS:
                await successors.add((record, number + 1))

        side.ready(barrier)
        await worker.run(
            batch_size=settings["batch_size"],
            dequeue_timeout=timedelta(seconds=settings["dequeue_timeout_s"]),
            log_aggregation_interval=timedelta(0),
        )


@contextlib.asynccontextmanager
async def _pool(url: str, connections: int) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(url, min_size=connections, max_size=connections) as pool:
        yield pool


SIDE = Side(
    peer="pgqueuer",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={"processes": 2, "batch_size": 100, "connections": 4, "dequeue_timeout_s": 1.0},
    latency_settings={"batch_size": 1, "connections": 4, "dequeue_timeout_s": 1.0},
)
