"""DBOS Transact: a workflow for each record, of five steps.

The workflows are enqueued before the queue has a worker; then one process takes them all, as its queue has no limits. A
step is done when its output is recorded, and the last when its workflow is recorded as successful right after it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from benchmarks.peers.side import STEPS, Side
from dbos import DBOS, DBOSConfig

QUEUE = "records"
THREADS = 20
CONNECTIONS = 20
POLL_S = 0.05
PRE_PING = False
LOOK_S = 0.1

TOTAL = """
    SELECT count(*), (max(w.completed_at) - min(o.started_at_epoch_ms)) / 1000.0
    FROM dbos.workflow_status w JOIN dbos.operation_outputs o USING (workflow_uuid)
    WHERE w.status = 'SUCCESS' AND o.function_name = 'step' AND o.error IS NULL
"""
EACH = """
    SELECT count(*), max(w.completed_at) - min(w.created_at)
    FROM dbos.workflow_status w JOIN dbos.operation_outputs o USING (workflow_uuid)
    WHERE w.status = 'SUCCESS' AND o.function_name = 'step' AND o.error IS NULL
    GROUP BY workflow_uuid ORDER BY min(w.created_at)
"""
LEFT = "SELECT EXISTS (SELECT FROM dbos.workflow_status WHERE status <> 'SUCCESS')"


@DBOS.step(name="step")
def step() -> None:
    """Do nothing."""


@DBOS.workflow(name="record")
def record() -> None:
    """Do one step after the other."""
    for _ in range(STEPS):
        step()


def bulk(url: str, records: int) -> None:
    """Enqueue a workflow for each record, then open the queue and wait for all."""
    _launch(url)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: DBOS.enqueue_workflow(QUEUE, record), range(records)))
    DBOS.register_queue(QUEUE, polling_interval_sec=POLL_S)
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(LEFT).fetchone() == (True,):
            time.sleep(LOOK_S)
    DBOS.destroy()


def one_by_one(url: str, records: int) -> None:
    """Call a workflow whenever the one before it has ended; directly, as a queue would first have to be polled."""
    _launch(url)
    for _ in range(records):
        record()
    DBOS.destroy()


def _launch(url: str) -> None:
    config: DBOSConfig = {
        "name": "noop",
        "system_database_url": url,
        "sys_db_pool_size": CONNECTIONS,
        "max_executor_threads": THREADS,
        "db_engine_kwargs": {"pool_pre_ping": PRE_PING},
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()


_COMMON: dict[str, Any] = {"sys_db_pool_size": CONNECTIONS, "max_executor_threads": THREADS, "pool_pre_ping": PRE_PING}
SIDE = Side(
    peer="dbos",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={**_COMMON, "start": "enqueue_workflow", "polling_interval_sec": POLL_S},
    latency_settings={**_COMMON, "start": "call"},
)
