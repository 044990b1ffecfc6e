"""DBOS Transact: a workflow for each record, of five steps.

The workflows are enqueued before the queue has a worker, in one transaction, which is its bulk call. The clock sees
what DBOS records: from the first step's start to the last workflow's success, which is recorded right after its last
step. For latency a workflow is called, since a queue would first have to be polled; its time is from the record of its
start to that of its success, in DBOS's own whole milliseconds.

Twenty workflows at a time in the threads of one process did best: fewer wait for the disk, and more threads or
processes for the processor. Coroutines did no better. That connections are not tried before each use saves a round
trip; whether it listens makes no difference here, so that is left as it is by default.
"""

from __future__ import annotations

import threading
from multiprocessing.synchronize import Barrier

import sqlalchemy
from benchmarks.peers import side
from benchmarks.peers.side import STEPS, Settings, Side
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions

APP = "noop"
VERSION = "1"
QUEUE = "records"
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
def step(record: int) -> None:
    """Do nothing."""


@DBOS.workflow(name="record")
def take(record: int) -> None:
    """Do one step after the other."""
    for _ in range(STEPS):
        step(record)


def bulk(url: str, records: int, settings: Settings) -> None:
    """Enqueue a workflow for each record, then let worker processes do what there is."""
    _configure(url, settings)
    DBOS.launch()
    DBOS.register_queue(
        QUEUE,
        worker_concurrency=settings["worker_concurrency"],
        polling_interval_sec=settings["polling_interval_sec"],
    )
    DBOS.destroy()
    _enqueue(url, records)
    side.as_in_use(url)
    with side.workers(settings["processes"], work, url, settings) as processes:
        side.wait_until_done(url, LEFT, LOOK_S, processes)


def work(barrier: Barrier, url: str, settings: Settings) -> None:
    """Be a worker process, until it is killed."""
    _configure(url, settings)
    side.ready(barrier)
    DBOS.launch()
    threading.Event().wait()


def one_by_one(url: str, records: int, settings: Settings) -> None:
    """Call a workflow whenever the one before it has ended."""
    _configure(url, settings)
    DBOS.launch()
    for n in range(records):
        take(n)
    DBOS.destroy()


def _enqueue(url: str, records: int) -> None:
    client = DBOSClient(system_database_url=url, application_name=APP)
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    options: EnqueueOptions = {"queue_name": QUEUE, "workflow_name": "record", "app_version": VERSION}
    with engine.begin() as connection:
        for n in range(records):
            client.enqueue_in_transaction(connection, options, n)
    engine.dispose()
    client.destroy()


def _configure(url: str, settings: Settings) -> None:
    config: DBOSConfig = {
        "name": APP,
        "application_version": VERSION,
        "system_database_url": url,
        "sys_db_pool_size": settings["sys_db_pool_size"],
        "max_executor_threads": settings["max_executor_threads"],
        "use_listen_notify": settings["use_listen_notify"],
        "db_engine_kwargs": {"pool_pre_ping": settings["pool_pre_ping"]},
        "log_level": "ERROR",
    }
    DBOS(config=config)


SIDE = Side(
    peer="dbos",
    bulk=bulk,
    one_by_one=one_by_one,
    total=TOTAL,
    each=EACH,
    settings={
        "processes": 1,
        "worker_concurrency": 20,
        "max_executor_threads": 20,
        "sys_db_pool_size": 20,
        "polling_interval_sec": 0.02,
        "use_listen_notify": True,
        "pool_pre_ping": False,
    },
    latency_settings={
        "sys_db_pool_size": 10,
        "max_executor_threads": 10,
        "use_listen_notify": True,
        "pool_pre_ping": False,
    },
)
