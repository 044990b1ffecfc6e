"""How many durable, audited steps a second one runner does: `python -m benchmarks.throughput`.

    python -m benchmarks.throughput --records 2089 --kinds script sql engine

Records of a table go through five steps that do nothing: of a `ScriptActor`, of an executable (a process for each
step, so a tenth of the records), of a query, and of no actor at all, which leaves the engine alone. The time is the
database's, from the first step that began to the last one that was done; loading and settling are outside of it. Each
round measures each kind; the figures are medians. The last line is one JSON object, with `steps_per_s` by kind.
"""

from __future__ import annotations

import argparse
import json
import statistics

from benchmarks.noop import KINDS, STEPS, Noop, facts, noop

RATE = """
    SELECT count(*) FILTER (WHERE type = 'interaction_completed')
           / extract(epoch FROM max(recorded_at) - min(recorded_at))::float8
    FROM interaction_events
    WHERE run_id = (SELECT max(run_id) FROM workflow_runs)
      AND type IN ('interaction_started', 'interaction_completed')
"""
DONE = """
    SELECT count(*) FROM interactions
    WHERE run_id = (SELECT max(run_id) FROM workflow_runs) AND state = 'completed'
"""


def measure(project: Noop, kind: str, records: int) -> float:
    """Return the steps per second of one run."""
    project.fill(records)
    project.wave("run", kind, "--force")
    done = project.one(DONE)
    assert done == records * STEPS, f"{done} of {records * STEPS} steps were done"
    return float(project.one(RATE))


def main() -> None:
    """Measure as told, a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2089)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    found: dict[str, list[float]] = {kind: [] for kind in told.kinds}
    with noop() as project:
        for _ in range(told.rounds):
            for kind in told.kinds:
                records = max(1, told.records // 10) if kind == "executable" else told.records
                found[kind].append(measure(project, kind, records))
                print(f"{kind}: {found[kind][-1]:.0f} steps/s", flush=True)
        seen = facts(project)
    figures = {kind: round(statistics.median(rates)) for kind, rates in found.items()}
    print(json.dumps({"steps_per_s": figures, "records": told.records, "rounds": told.rounds, **seen}))


if __name__ == "__main__":
    main()
