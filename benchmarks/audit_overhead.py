"""What the audit costs: `python -m benchmarks.audit_overhead`.

    python -m benchmarks.audit_overhead --records 200 --noop-records 2089 --rounds 3

The same run is done as it is, and by a `wave` command that has the event part cut out of its two statements that move
interactions on (`benchmarks.without_events`). Each round does one after the other, and begins with the other one than
the round before. Five steps that take 25 ms each, of a `ScriptActor` that sleeps, and the no-op steps of the engine
alone. The time is the database's, from the first step that began to the last one that was done. The last line is one
JSON object: the medians in seconds with and without events, and the cost in percent.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.noop import STEPS, Noop, facts, noop

STEP_MS = 25
SLOW_SCRIPT = f"""\
import time

from wave_runner import ScriptActor


class Slow(ScriptActor):
    def process(self, item, ctx):
        time.sleep({STEP_MS / 1000})
        return {{}}
"""
SECONDS = """\
SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM interactions
WHERE run_id = (SELECT max(run_id) FROM workflow_runs)
"""
DONE = """\
SELECT count(*) FROM interactions WHERE run_id = (SELECT max(run_id) FROM workflow_runs) AND state = 'completed'
"""
EVENTS = """\
SELECT count(*) FROM interaction_events
WHERE run_id = (SELECT max(run_id) FROM workflow_runs) AND interaction_id IS NOT NULL
"""


def add_slow_steps(project: Noop) -> None:
    """Give the project a workflow whose steps take their time."""
    after = {n: f"s{n + 1}" if n < STEPS else "end" for n in range(1, STEPS + 1)}
    steps = [f"  s{n}: {{actor: slow, input: {{name: record.name}}, next: {to}}}\n" for n, to in after.items()]
    workflow = "workflow: slow\ncollection: things\nselect: all\nsteps:\n" + "".join(steps)
    (project.folder / "actors/slow.py").write_text(SLOW_SCRIPT, encoding="utf-8")
    (project.folder / "workflows/slow.yaml").write_text(workflow, encoding="utf-8")


def measure(project: Noop, workflow: str, records: int, *, audited: bool) -> float:
    """Return the seconds of one run."""
    project.fill(records)
    if audited:
        project.wave("run", workflow, "--force")
    else:
        _run_without_events(project, workflow)
    done, events = project.one(DONE), project.one(EVENTS)
    assert done == records * STEPS, f"{done} of {records * STEPS} steps were done"
    assert events == (2 * done if audited else 0), f"{done} steps have left {events} events"
    return float(project.one(SECONDS))


def _run_without_events(project: Noop, workflow: str) -> None:
    module = [sys.executable, "-m", "benchmarks.without_events"]
    command = [*module, "--project", str(project.folder), "run", workflow, "--force"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


def compare(project: Noop, workflow: str, records: int, rounds: int) -> dict[str, Any]:
    """Return the median seconds with and without events, and what the events cost in percent."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for n in range(rounds):
        for audited in (n % 2 == 0, n % 2 == 1):
            found[audited].append(measure(project, workflow, records, audited=audited))
            said = "with" if audited else "without"
            print(f"{workflow}, {said} events: {found[audited][-1]:.3f} s", flush=True)
    audited_s, bare_s = statistics.median(found[True]), statistics.median(found[False])
    return {
        "with_s": round(audited_s, 3),
        "without_s": round(bare_s, 3),
        "cost_percent": round(100 * (audited_s / bare_s - 1), 2),
        "records": records,
    }


def main() -> None:
    """Measure as told, a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100, help="with steps that take 25 ms")
    parser.add_argument("--noop-records", type=int, default=2089)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    with noop() as project:
        add_slow_steps(project)
        slow = compare(project, "slow", told.records, told.rounds)
        nothing = compare(project, "engine", told.noop_records, told.rounds)
        seen = facts(project)
    print(json.dumps({f"{STEP_MS}_ms": slow, "noop": nothing, "rounds": told.rounds, "steps": STEPS, **seen}))


if __name__ == "__main__":
    main()
