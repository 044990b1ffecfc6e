"""How long the reports take beside so many records: `python -m benchmarks.reports`.

    python -m benchmarks.reports --records 20000 200000 --rounds 5

A run of no-op steps with so many records and five interactions of each (copied from a run that was done, in bulk), of
which one in a hundred has failed. The figures are the median milliseconds of the questions that `wave status` and the
pages ask, one by one and together: first counted, then after the run has ended and a runner was there that has added it
up, then while it is under way and was counted a while ago. How long that count took is `interim`; another one comes
after twenty times as long. The last line is one JSON object with all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping

import psycopg
from benchmarks.history import COUNTS, INTERACTIONS, RECORDS, RUN, STEPS_OF_RUN
from benchmarks.noop import Noop, facts, noop

from wave_runner.engine import Engine, open_engine
from wave_runner.reports.alerts import alerts
from wave_runner.reports.cost import cost
from wave_runner.reports.dashboard import dashboard
from wave_runner.reports.delta import delta
from wave_runner.reports.errors import Errors, errors
from wave_runner.reports.failures import failures
from wave_runner.reports.incomplete import incomplete
from wave_runner.reports.matrix import matrix
from wave_runner.reports.record_states import record_states
from wave_runner.reports.rejections import rejections
from wave_runner.reports.runs import runs
from wave_runner.reports.stale import stale
from wave_runner.reports.watched import watched
from wave_runner.store import run_sums
from wave_runner.store.database import Connection
from wave_runner.store.reports import snapshot

CHUNK = 50_000
LIKE = 1  # the run that was done
EVENT = """
    INSERT INTO interaction_events (run_id, form, type, correlation_id, runner_id, data, sha256)
    SELECT %(run_id)s, form, type, correlation_id, runner_id, data, sha256 FROM interaction_events
    WHERE run_id = %(like_run)s AND type = 'run_completed'
"""
FAIL = """
    UPDATE interactions SET state = 'failed', error = '-', error_class = 'timeout', output = NULL, output_nonce = NULL
    WHERE run_id = %(run_id)s AND interaction_id %% 100 = 0
"""
UNDER_WAY = """
    UPDATE workflow_runs SET state = 'running', ended_at = NULL WHERE run_id = (SELECT max(run_id) FROM workflow_runs)
"""
OVER = """
    WITH gone AS (DELETE FROM interim_sums)
    UPDATE workflow_runs SET state = 'completed', ended_at = now() WHERE state = 'running'
"""


async def errors_of(connection: Connection, run_id: int) -> Errors:
    """Ask for what has gone wrong in a run."""
    return await errors(connection, run_id, await run_sums.sums(connection, run_id))


OF_A_RUN: Mapping[str, Callable[[Connection, int], Awaitable[object]]] = {
    "sums": run_sums.sums,
    "stale": stale,
    "errors": errors_of,
    "incomplete": incomplete,
    "rejections": rejections,
}
OF_ALL: Mapping[str, Callable[[Engine], Awaitable[object]]] = {
    "runs": lambda engine: runs(engine.database),
    "records": lambda engine: record_states(engine.database),
    "alerts": lambda engine: alerts(engine.database),
    "failures": lambda engine: failures(engine.database),
    "matrix": lambda engine: matrix(engine.database),
    "cost": lambda engine: cost(engine.database),
    "delta": lambda engine: delta(engine.database),
    "watch": lambda engine: watched(engine.database),
    "status": lambda engine: dashboard(engine.database),
}


def seed(project: Noop, records: int) -> None:
    """Put a finished run of so many records beside what is there."""
    with psycopg.connect(project.url, options="-c search_path=wave,public", autocommit=True) as connection:
        connection.execute(OVER)
        row = connection.execute(RUN).fetchone()
        assert row is not None
        given = {"run_id": row[0], "like_run": LIKE}
        connection.execute(STEPS_OF_RUN, given)
        for first in range(0, records, CHUNK):
            chunk = {**given, "first": first, "records": min(CHUNK, records - first)}
            connection.execute(RECORDS, chunk)
            connection.execute(INTERACTIONS, chunk)
        connection.execute(FAIL, given)
        connection.execute(COUNTS, given)
        connection.execute(EVENT, given)
        connection.execute("VACUUM (ANALYZE)")


async def ask(project: Noop, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each question."""
    async with open_engine(project.folder) as engine:
        found = {name: await _median(lambda of=of: of(engine), rounds) for name, of in OF_ALL.items()}
        async with snapshot(engine.database) as connection:
            [newest] = await engine.database.fetch("reports/newest_run")
            for name, question in OF_A_RUN.items():
                found[name] = await _median(lambda of=question: of(connection, newest["run_id"]), rounds)
    return found


async def add_up(project: Noop) -> None:
    """Have a runner do what is left, which is to add up what the run has come to."""
    async with open_engine(project.folder) as engine:
        runner = engine.runner()
        await runner.start()
        await runner.stop()


async def count_under_way(project: Noop) -> float:
    """Count the newest run as one that is under way, as a runner does; return how many milliseconds that took."""
    with psycopg.connect(project.url, options="-c search_path=wave,public", autocommit=True) as connection:
        connection.execute(UNDER_WAY)
    async with open_engine(project.folder) as engine:
        began = time.perf_counter()
        if not await run_sums.keep_interim(engine.database, least=1):
            raise SystemExit("the run was not counted")
        return round(1000 * (time.perf_counter() - began), 1)


async def _median(question: Callable[[], Awaitable[object]], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await question()
        taken.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(taken), 1)


def main() -> None:
    """Measure as told, a line for each number of records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[2000, 200_000])
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    figures = {}
    with noop() as project:
        project.fill(1)
        project.wave("run", "engine", "--force")
        for records in told.records:
            seed(project, records)
            for how in ("counted", "kept", "under way"):
                if how == "kept":
                    asyncio.run(add_up(project))
                took = {"interim": asyncio.run(count_under_way(project))} if how == "under way" else {}
                figures[f"{records} {how}"] = took | asyncio.run(ask(project, told.rounds))
                print(f"{records} records, {how}: {figures[f'{records} {how}']}", flush=True)
        seen = facts(project)
    print(json.dumps({"ms": figures, **seen}))


if __name__ == "__main__":
    main()
