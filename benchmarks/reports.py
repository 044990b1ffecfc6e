"""How long the reports take beside so many records: `python -m benchmarks.reports`.

    python -m benchmarks.reports --records 20000 200000 --rounds 5

A run of no-op steps that has ended, with so many records and five interactions of each (copied from a run that was
done, in bulk). The figures are the median milliseconds of the questions that `wave status` and the first page ask, one
by one and together: first counted, as of a run that is under way, then after a runner was there that has added it up.
The last line is one JSON object with all of them.
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
from wave_runner.reports.dashboard import dashboard
from wave_runner.reports.errors import errors
from wave_runner.reports.incomplete import incomplete
from wave_runner.reports.record_states import record_states
from wave_runner.reports.rejections import rejections
from wave_runner.reports.runs import runs
from wave_runner.reports.stale import stale
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
OF_A_RUN: Mapping[str, Callable[[Connection, int], Awaitable[object]]] = {
    "sums": run_sums.sums,
    "stale": stale,
    "errors": errors,
    "incomplete": incomplete,
    "rejections": rejections,
}
OF_ALL: Mapping[str, Callable[[Engine], Awaitable[object]]] = {
    "runs": lambda engine: runs(engine.database),
    "records": lambda engine: record_states(engine.database),
    "alerts": lambda engine: alerts(engine.database),
    "status": lambda engine: dashboard(engine.database),
}


def seed(project: Noop, records: int) -> None:
    """Put a finished run of so many records beside what is there."""
    with psycopg.connect(project.url, options="-c search_path=wave,public", autocommit=True) as connection:
        row = connection.execute(RUN).fetchone()
        assert row is not None
        given = {"run_id": row[0], "like_run": LIKE}
        connection.execute(STEPS_OF_RUN, given)
        for first in range(0, records, CHUNK):
            chunk = {**given, "first": first, "records": min(CHUNK, records - first)}
            connection.execute(RECORDS, chunk)
            connection.execute(INTERACTIONS, chunk)
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
            for how in ("counted", "kept"):
                if how == "kept":
                    asyncio.run(add_up(project))
                figures[f"{records} {how}"] = asyncio.run(ask(project, told.rounds))
                print(f"{records} records, {how}: {figures[f'{records} {how}']}", flush=True)
        seen = facts(project)
    print(json.dumps({"ms": figures, **seen}))


if __name__ == "__main__":
    main()
