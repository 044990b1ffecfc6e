"""How quickly a run takes up the rows of a table: `python -m benchmarks.enqueue`.

    python -m benchmarks.enqueue --records 20000 --rounds 3

The rows are in the user's table already, and a workflow with `select: all` makes each of them a record with its place
in the run and a first step that can be claimed, chunk by chunk, by the loop that does it in every runner. It is
measured alone, with nobody who does the steps, and in a whole run beside the steps, where its time goes from the run's
start to the event of the last chunk. For comparison: how quickly the rows themselves come into the table by COPY. The
last line is one JSON object: records a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from uuid import uuid4

from benchmarks.noop import Noop, facts, noop

from wave_runner.engine import Engine, open_engine
from wave_runner.runner.fanner import Fanner
from wave_runner.runner.steps import Steps

KIND = "engine"
BESIDE_THE_STEPS = """\
SELECT f.begun / extract(epoch FROM max(e.recorded_at) - r.started_at)::float8
FROM workflow_runs r JOIN fan_outs f USING (run_id) JOIN interaction_events e USING (run_id)
WHERE run_id = (SELECT max(run_id) FROM workflow_runs) AND e.type = 'records_selected'
GROUP BY f.begun, r.started_at
"""
TAKEN_UP = """\
SELECT least((SELECT count(*) FROM run_records WHERE run_id = f.run_id),
             (SELECT count(*) FROM interactions WHERE run_id = f.run_id AND parent_id IS NULL), f.begun)
FROM fan_outs f
WHERE run_id = (SELECT max(run_id) FROM workflow_runs) AND closed_at IS NOT NULL
"""
NOTHING_LEFT = """\
WITH gone AS (
    DELETE FROM claimable
), records_of_it AS (
    UPDATE run_records SET live = 0, state = 'completed', settled_at = clock_timestamp() WHERE state = 'live'
)
UPDATE workflow_runs SET state = 'completed', ended_at = clock_timestamp() WHERE state = 'running'
"""


def copy(project: Noop, records: int) -> float:
    """Return the rows per second that COPY brings into the user's table, which was empty."""
    project.empty()
    began = time.perf_counter()
    project.copy(records)
    return records / (time.perf_counter() - began)


def take_up_alone(project: Noop, records: int) -> float:
    """Return the records per second that are taken up while nobody does their steps."""

    async def passes() -> float:
        async with open_engine(project.folder) as engine:
            await engine.new_runs().start(KIND, {}, force=True)
            fanner = _fanner(engine)
            began = time.perf_counter()
            while await fanner.one_pass():
                pass
            return time.perf_counter() - began

    seconds = asyncio.run(passes())
    _check(project, records)
    with project.sql() as connection:
        connection.execute(NOTHING_LEFT)
    return records / seconds


def _fanner(engine: Engine) -> Fanner:
    work_dir = engine.state_dir / "work"
    steps = Steps(engine.database, folder=engine.folder, work_dir=work_dir, environ=engine.environ)
    return Fanner(engine.database, runner_id=uuid4(), steps=steps, wake_lanes=lambda: None)


def take_up_beside_the_steps(project: Noop, records: int) -> float:
    """Return the records per second that a run takes up while it does their steps."""
    project.wave("run", KIND, "--force")
    _check(project, records)
    return float(project.one(BESIDE_THE_STEPS))


def _check(project: Noop, records: int) -> None:
    taken = project.one(TAKEN_UP)
    assert taken == records, f"{taken} of {records} records were taken up"


def main() -> None:
    """Measure as told, a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    found: dict[str, list[float]] = {"copy": [], "alone": [], "beside_the_steps": []}
    with noop() as project:
        for _ in range(told.rounds):
            for name, take_up in (("alone", take_up_alone), ("beside_the_steps", take_up_beside_the_steps)):
                found["copy"].append(copy(project, told.records))
                found[name].append(take_up(project, told.records))
                print(f"copy: {found['copy'][-1]:.0f} rows/s, {name}: {found[name][-1]:.0f} records/s", flush=True)
        seen = facts(project)
    figures = {name: round(statistics.median(rates)) for name, rates in found.items()}
    print(json.dumps({"records_per_s": figures, "records": told.records, "rounds": told.rounds, **seen}))


if __name__ == "__main__":
    main()
