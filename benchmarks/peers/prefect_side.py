"""Prefect: a flow for each record, of five tasks, on a Prefect server of its own.

The flows are called in one process, several at a time, which is faster than a worker that starts a process for each;
so nothing is put there before the first step. The clock sees the server's tables: from the first task's start to the
last record of one, as the tasks' states arrive there as events. For latency, from a flow's start to its end.

From five to twenty-five flows at a time it did the same. Results are kept in files, which costs a tenth, and without
which a flow that is run again would do its finished tasks again. The web interface, analytics, and the sending of logs
are off.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers import side
from benchmarks.peers.side import STEPS, Settings, Side

START_S = 120
LOOK_S = 0.1

TOTAL = """
    SELECT count(*) FILTER (WHERE state_type = 'COMPLETED'), extract(epoch FROM max(updated) - min(start_time))
    FROM task_run
"""
EACH = """
    SELECT count(*), 1000 * extract(epoch FROM max(f.end_time) - min(f.start_time))
    FROM flow_run f JOIN task_run t ON t.flow_run_id = f.id
    WHERE f.state_type = 'COMPLETED' AND t.state_type = 'COMPLETED'
    GROUP BY f.id ORDER BY min(f.start_time)
"""
# Tasks are made known by events that arrive later than the end of their flow.
LEFT = f"""
    SELECT (SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED') < {STEPS} * (SELECT count(*) FROM flow_run)
           OR EXISTS (SELECT FROM flow_run WHERE state_type <> 'COMPLETED')
"""

Take = Callable[[int], Awaitable[None]]


def bulk(url: str, records: int, settings: Settings) -> None:
    """Call a flow for each record, several at a time."""
    with _server(url, settings):
        asyncio.run(_all(_flow(), records, settings["concurrency"]))
        side.wait_until_done(url, LEFT, LOOK_S)


def one_by_one(url: str, records: int, settings: Settings) -> None:
    """Call a flow whenever the one before it has ended."""
    with _server(url, settings):
        asyncio.run(_all(_flow(), records, 1))
        side.wait_until_done(url, LEFT, LOOK_S)


def _flow() -> Any:
    # Not at the top: Prefect reads the environment when it is imported.
    from prefect import flow, task

    @task
    async def step(record: int) -> None:
        """Do nothing."""

    @flow(validate_parameters=False)
    async def take(record: int) -> None:
        for _ in range(STEPS):
            await step(record)

    return take


async def _all(take: Take, records: int, concurrency: int) -> None:
    seats = asyncio.Semaphore(concurrency)

    async def seated(record: int) -> None:
        async with seats:
            await take(record)

    await asyncio.gather(*(seated(n) for n in range(records)))


@contextlib.contextmanager
def _server(url: str, settings: Settings) -> Iterator[None]:
    """Run a server, and tell the Prefect that is imported next where it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="wave-bench-") as home:
        os.environ |= {
            "PREFECT_HOME": home,
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": url.replace("postgresql:", "postgresql+asyncpg:", 1),
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": str(settings["connections"]),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "PREFECT_RESULTS_PERSIST_BY_DEFAULT": str(settings["persist_results"]).lower(),
            "DO_NOT_TRACK": "1",
        }
        command = [str(Path(sys.executable).with_name("prefect")), "server", "start", "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(f"http://127.0.0.1:{port}/api/health", process)
                yield
            finally:
                process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, "the server has ended"
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(url):
            return
        time.sleep(0.2)
    raise AssertionError(f"the server was not there within {START_S} s")


SIDE = Side(
    peer="prefect",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={"concurrency": 10, "connections": 10, "persist_results": True},
    latency_settings={"connections": 10, "persist_results": True},
)
