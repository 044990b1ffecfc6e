"""How long the main job takes with one runner and with several on one database: `python -m benchmarks.runners`.

    python -m benchmarks.runners --runners 1 4 --postings 2802
    python -m benchmarks.runners --slow

Real postings go through the shipped project, with models that a process answers for on a socket, four requests at a
time, each time on a PostgreSQL of its own. It answers at once, so that only Wave Runner and its database are measured,
or as slowly as a small model (`--slow`: 0.15 s). Each count of runners is measured once; the times are the database's,
from the start of the run, when all runners are there, to its end. The last line is one JSON object: seconds by count of
runners, and each as a ratio to the first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from tests.crash.soak import RULES, Stub, real_rows
from tests.support.templates import answered_by
from tests.support.waiting import wait_until

from wave_runner.project.init import init_project
from wave_runner.store import embedded

WAVE = Path(sys.executable).with_name("wave")
MODELS = ["summariser", "extractor", "judge"]

TIMES = "SELECT extract(epoch FROM ended_at - started_at)::float8 AS seconds, state FROM workflow_runs"
DONE = """
    SELECT count(*) AS interactions, count(*) FILTER (WHERE attempt > 1) AS again,
           (SELECT count(*) FROM run_records WHERE state = 'completed') AS postings,
           (SELECT count(*) FROM (SELECT FROM value_writes GROUP BY record_id, table_name, column_name
                                  HAVING count(*) > 1) AS twice) AS twice,
           (SELECT count(DISTINCT runner_id) FROM waves) AS runners
    FROM interactions
"""


def measure(count: int, postings: int, *, slow: bool) -> dict[str, Any]:
    """Run the main job with so many runners; return its seconds, and what was done."""
    with tempfile.TemporaryDirectory(prefix="wave-runners-") as place, ExitStack() as stack:
        folder = Path(place) / "project"
        behaviour = "slow" if slow else "ok"
        stub = Stub(Path(place) / "stub", [{**rule, "behaviour": behaviour} for rule in RULES])
        stack.callback(stub.stop)
        init_project(folder, "job_postings")
        answered_by(folder, stub.url, MODELS)
        source = Path(place) / "postings.jsonl"
        source.write_text("\n".join(map(json.dumps, islice(real_rows(), postings))), encoding="utf-8")
        database = embedded.start(folder / ".wave")
        stack.callback(embedded.remove, folder / ".wave")
        stack.callback(database.release)
        command = [str(WAVE), "--project", str(folder)]
        quiet = subprocess.DEVNULL
        others = [subprocess.Popen([*command, "runner"], stdout=quiet, stderr=quiet) for _ in range(count - 1)]
        for one in others:
            stack.callback(one.wait)
            stack.callback(one.terminate)
        wait_until(lambda: _registered(database.url) >= len(others), "not all runners have begun", within=120)
        run = [*command, "run", "job_postings", "--source", str(source)]
        subprocess.run(run, check=True, env=dict(os.environ), stdout=quiet, stderr=quiet)
        return _found(database.url)


def _registered(url: str) -> int:
    with psycopg.connect(url, options="-c search_path=wave,public") as connection:
        there = connection.execute("SELECT to_regclass('runners') IS NOT NULL").fetchone()
        found = connection.execute("SELECT count(*) FROM runners").fetchone() if there == (True,) else (0,)
    assert found is not None
    return int(found[0])


def _found(url: str) -> dict[str, Any]:
    with psycopg.connect(url, options="-c search_path=wave,public", row_factory=dict_row) as connection:
        [run] = connection.execute(TIMES).fetchall()
        [done] = connection.execute(DONE).fetchall()
    assert run["state"] == "completed", run
    assert done["twice"] == 0, done
    return {"seconds": round(run["seconds"], 1), **done}


def main() -> None:
    """Measure as told, a line each, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runners", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--postings", type=int, default=300)
    parser.add_argument("--slow", action="store_true", help="each answer takes 0.15 s")
    told = parser.parse_args()
    found = {}
    for count in told.runners:
        found[count] = measure(count, told.postings, slow=told.slow)
        print(f"{count} runners: {found[count]}", flush=True)
    first = found[told.runners[0]]["seconds"]
    ratios = {str(count): round(one["seconds"] / first, 3) for count, one in found.items()}
    seconds = {str(count): one["seconds"] for count, one in found.items()}
    print(json.dumps({"postings": told.postings, "seconds": seconds, "ratio_to_first": ratios}))


if __name__ == "__main__":
    main()
