"""procrastinate: a job for each step, which defers the job of the next step before it ends.

The jobs of the first steps are deferred in bulk before there is a worker. The clock sees its events: from the first job
`started` to the last `succeeded`; for latency from a record's first `deferred` to its last `succeeded`.

A worker fetches one job after the other, so several share a process, as its documentation advises: eight did best, at
twice the rate of one, and a second process added nothing. Jobs that defer their successors at the same time share one
bulk call, which gives half as much again or more. NOTIFY helps a worker that waits, and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from multiprocessing.synchronize import Barrier

import psycopg
import psycopg_pool
import uvloop
from benchmarks.peers import side
from benchmarks.peers.side import STEPS, Settings, Side
from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONDict

LOOK_S = 0.1
LOOK_FOR_ONE_S = 0.02

TOTAL = """
    SELECT count(*) FILTER (WHERE type = 'succeeded'), extract(epoch FROM max(at) - min(at))
    FROM procrastinate_events WHERE type IN ('started', 'succeeded')
"""
EACH = """
    SELECT count(*) FILTER (WHERE type = 'succeeded'), 1000 * extract(epoch FROM max(at) - min(at))
    FROM procrastinate_events JOIN procrastinate_jobs j ON j.id = job_id
    GROUP BY j.args -> 'record' ORDER BY min(at)
"""
LEFT = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"

app = App(connector=PsycopgConnector())


@app.task(name="step")
async def step(record: int, number: int) -> None:
    """Do nothing, and see to it that the next step is done."""
    if number < STEPS:
        await successors.add({"record": record, "number": number + 1})


async def _defer(jobs: list[JSONDict]) -> None:
    await step.batch_defer_async(*jobs)


successors = side.Together(_defer)


def bulk(url: str, records: int, settings: Settings) -> None:
    """Defer all first steps, then let worker processes do what there is."""
    asyncio.run(_prepare(url, records))
    side.as_in_use(url)
    with side.workers(settings["processes"], work, url, settings) as processes:
        side.wait_until_done(url, LEFT, LOOK_S, processes)


def one_by_one(url: str, records: int, settings: Settings) -> None:
    """Defer a first step whenever the waiting worker has nothing left to do."""
    asyncio.run(_one_by_one(url, records, settings))


async def _prepare(url: str, records: int) -> None:
    async with _opened(url, 1):
        await app.schema_manager.apply_schema_async()
        await _defer([{"record": n, "number": 1} for n in range(records)])


async def _one_by_one(url: str, records: int, settings: Settings) -> None:
    async with _opened(url, 1):
        await app.schema_manager.apply_schema_async()
        with side.workers(1, work, url, settings) as processes:
            for n in range(records):
                await step.defer_async(record=n, number=1)
                side.wait_until_done(url, LEFT, LOOK_FOR_ONE_S, processes)


def work(barrier: Barrier, url: str, settings: Settings) -> None:
    """Be a worker process, until it is killed."""
    uvloop.run(_work(barrier, url, settings))


async def _work(barrier: Barrier, url: str, settings: Settings) -> None:
    async with _opened(url, settings["connections"]):
        side.ready(barrier)
        workers = (
            app.run_worker_async(
                concurrency=settings["concurrency"],
                fetch_job_polling_interval=settings["fetch_job_polling_interval"],
                listen_notify=settings["listen_notify"],
                install_signal_handlers=False,
            )
            for _ in range(settings["workers"])
        )
        await asyncio.gather(*workers)


@contextlib.asynccontextmanager
async def _opened(url: str, connections: int) -> AsyncIterator[None]:
    # Each of its statements is a transaction, so autocommit saves two round trips. A pool that is given to it gives out
    # connections without the check of each, a further round trip, that its own pool makes.
    pool = psycopg_pool.AsyncConnectionPool(
        url, min_size=connections, max_size=connections, configure=_autocommit, open=False
    )
    async with pool, app.open_async(pool):
        yield


async def _autocommit(connection: psycopg.AsyncConnection) -> None:
    await connection.set_autocommit(True)


SIDE = Side(
    peer="procrastinate",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={
        "processes": 1,
        "workers": 8,
        "concurrency": 10,
        "connections": 10,
        "fetch_job_polling_interval": 0.05,
        "listen_notify": False,
    },
    latency_settings={
        "workers": 1,
        "concurrency": 4,
        "connections": 4,
        "fetch_job_polling_interval": 0.02,
        "listen_notify": True,
    },
)
