"""procrastinate: a job for each step, which defers the job of the next step before it ends.

The jobs of the first steps are deferred in bulk; then workers of one process do all. A step is done when its job has
succeeded. A worker fetches one job after the other, so several share the process, as its documentation advises for
more throughput than one worker gives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import psycopg_pool
import uvloop
from benchmarks.peers.side import STEPS, Side
from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONDict

QUEUES = ["steps"]
WORKERS = 8
CONCURRENCY = 10
CONNECTIONS = 10
POLL_S = 0.05
LOOK_S = 0.02

TOTAL = """
    SELECT count(*) FILTER (WHERE type = 'succeeded'), extract(epoch FROM max(at) - min(at))
    FROM procrastinate_events WHERE type IN ('started', 'succeeded')
"""
EACH = """
    SELECT count(*) FILTER (WHERE type = 'succeeded'), 1000 * extract(epoch FROM max(at) - min(at))
    FROM procrastinate_events JOIN procrastinate_jobs j ON j.id = job_id
    GROUP BY j.args -> 'record' ORDER BY min(at)
"""
LEFT = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')) AS left"

app = App(connector=PsycopgConnector())


@app.task(name="step", queue="steps")
async def step(record: int, number: int) -> None:
    """Do nothing, and see to it that the next step is done."""
    if number < STEPS:
        await step.defer_async(record=record, number=number + 1)


def bulk(url: str, records: int) -> None:
    """Defer all first steps, then let the workers do what there is until nothing is left."""
    uvloop.run(_bulk(url, records))


async def _bulk(url: str, records: int) -> None:
    async with _opened(url):
        first: list[JSONDict] = [{"record": n, "number": 1} for n in range(records)]
        await step.batch_defer_async(*first)
        async with _workers(WORKERS, listen_notify=False):
            await _done()


def one_by_one(url: str, records: int) -> None:
    """Defer a first step whenever the waiting worker has nothing left to do."""
    uvloop.run(_one_by_one(url, records))


async def _one_by_one(url: str, records: int) -> None:
    async with _opened(url), _workers(1, listen_notify=True):
        for n in range(records):
            await step.defer_async(record=n, number=1)
            await _done()


async def _done() -> None:
    while True:
        row = await app.connector.execute_query_one_async(LEFT)
        if not row["left"]:
            return
        await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def _opened(url: str) -> AsyncIterator[None]:
    # Each of its statements is a transaction, so autocommit saves two round trips. A pool that is given to it gives out
    # connections without the check of each, a further round trip, that its own pool makes.
    pool = psycopg_pool.AsyncConnectionPool(
        url, min_size=CONNECTIONS, max_size=CONNECTIONS, configure=_autocommit, open=False
    )
    async with pool, app.open_async(pool):
        await app.schema_manager.apply_schema_async()
        yield


async def _autocommit(connection: psycopg.AsyncConnection) -> None:
    await connection.set_autocommit(True)


@contextlib.asynccontextmanager
async def _workers(number: int, *, listen_notify: bool) -> AsyncIterator[None]:
    workers = [
        asyncio.create_task(
            app.run_worker_async(
                queues=QUEUES,
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_S,
                listen_notify=listen_notify,
                install_signal_handlers=False,
            )
        )
        for _ in range(number)
    ]
    yield
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


_COMMON = {"concurrency": CONCURRENCY, "connections": CONNECTIONS, "fetch_job_polling_interval": POLL_S, "uvloop": True}
SIDE = Side(
    peer="procrastinate",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={**_COMMON, "workers": WORKERS, "listen_notify": False},
    latency_settings={**_COMMON, "workers": 1, "listen_notify": True},
)
