"""How long one record takes through five steps on an idle runner: `python -m benchmarks.latency`.

    python -m benchmarks.latency --runs 100 --kinds script engine

A runner stands by. Again and again one new record is selected by a run of its own, and goes through five steps that do
nothing, one after the other: each is claimed, begun, done and recorded before the next can be claimed. A run's time is
the database's: from the moment that its first step can be claimed to the last step's recorded completion. The first
runs are left out of the figures, since scripts and connections are started by them. The last line is one JSON object,
with the percentiles in milliseconds by kind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from benchmarks.noop import KINDS, STEPS, Noop, facts, noop

from wave_runner.engine import Engine, open_engine

WARM_UP = 5
PARTS = {"p50": 50, "p95": 95, "p99": 99}
TIMES = """
    SELECT count(*) AS done, 1000 * extract(epoch FROM max(e.recorded_at) - min(i.created_at))::float8 AS ms
    FROM interactions i JOIN interaction_events e USING (run_id, interaction_id)
    WHERE run_id = %s AND e.type = 'interaction_completed'
"""


async def one_record(engine: Engine, kind: str, record: str) -> int:
    """Give the workflow one new record, and return the run that has done it."""
    async with engine.database.transaction() as connection:
        await connection.execute("INSERT INTO things (name) VALUES (%s)", [record])
    run_id = await engine.new_runs().start(kind, {}, force=True)
    query = "SELECT state <> 'running' AS ended FROM workflow_runs WHERE run_id = %s"
    while True:
        async with engine.database.transaction() as connection:
            [row] = await (await connection.execute(query, [run_id])).fetchall()
        if row["ended"]:
            return run_id
        await asyncio.sleep(0.02)


async def _runs(project: Noop, kind: str, runs: int) -> list[int]:
    async with open_engine(project.folder) as engine:
        await engine.sync(dev=True)
        runner = engine.runner()
        await runner.start()
        try:
            return [await one_record(engine, kind, f"{kind} {n}") for n in range(runs + WARM_UP)]
        finally:
            await runner.stop()


def measure(project: Noop, kind: str, runs: int) -> list[float]:
    """Return the milliseconds of each run, sorted."""
    found = []
    for run_id in asyncio.run(_runs(project, kind, runs))[WARM_UP:]:
        with project.sql() as connection:
            [row] = connection.execute(TIMES, [run_id]).fetchall()
        assert row["done"] == STEPS, f"{row['done']} of {STEPS} steps were done"
        found.append(row["ms"])
    return sorted(found)


def percentiles(sorted_ms: list[float]) -> dict[str, float]:
    """Return p50, p95 and p99 by the nearest rank."""
    ranks = {name: max(0, -(-len(sorted_ms) * part // 100) - 1) for name, part in PARTS.items()}
    return {name: round(sorted_ms[rank], 1) for name, rank in ranks.items()}


def main() -> None:
    """Measure as told, a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["script", "engine"])
    told = parser.parse_args()
    found: dict[str, Any] = {}
    with noop() as project:
        for kind in told.kinds:
            found[kind] = percentiles(measure(project, kind, told.runs))
            print(f"{kind}: {found[kind]} ms", flush=True)
        seen = facts(project)
    print(json.dumps({"ms": found, "runs": told.runs, "steps": STEPS, **seen}))


if __name__ == "__main__":
    main()
