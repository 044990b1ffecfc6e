"""What a reader costs that keeps an old snapshot open, as a backup or a report may: `python -m benchmarks.long_reader`.

    python -m benchmarks.long_reader --seconds 60 --records 2000

As long as a snapshot is open, nothing that was updated or deleted since can be cleared away. Runs of no-op steps follow
each other without a reader, and then beside a transaction that has read once and does nothing any more, for so many
seconds. The figure is the median rate of the last half of the runs beside it, when most has piled up, against the
median rate of as many runs without it, before and after. The last line is one JSON object with both and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import psycopg
from benchmarks.noop import KINDS, Noop, facts, noop
from benchmarks.throughput import measure

BEFORE = 5
DEAD = "SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE schemaname = 'wave'"


def without(project: Noop, kind: str, records: int) -> list[float]:
    """Return the rates of some runs."""
    return [measure(project, kind, records) for _ in range(BEFORE)]


def beside(project: Noop, kind: str, records: int, seconds: float) -> list[float]:
    """Return the rates of runs beside an old snapshot, which is as old as `seconds` in the end."""
    with psycopg.connect(project.url) as reader:
        reader.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.commit()
        reader.execute("SELECT count(*) FROM wave.interactions")
        began, rates = time.monotonic(), []
        while time.monotonic() - began < seconds:
            rates.append(measure(project, kind, records))
            print(f"{time.monotonic() - began:5.0f} s: {rates[-1]:.0f} steps/s", flush=True)
        assert reader.execute("SELECT pg_current_xact_id_if_assigned() IS NULL").fetchone() == (True,)
    return rates


def main() -> None:
    """Measure as told, a line for each run beside the reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--kind", choices=list(KINDS), default="engine")
    told = parser.parse_args()
    with noop() as project:
        alone = without(project, told.kind, told.records)
        print(f"without: {statistics.median(alone):.0f} steps/s", flush=True)
        rates = beside(project, told.kind, told.records, told.seconds)
        dead = project.one(DEAD)
        alone += without(project, told.kind, told.records)
        seen = facts(project)
    late = statistics.median(rates[len(rates) // 2 :])
    free = statistics.median(alone)
    figures = {"without": round(free), "beside": round(late), "ratio": round(late / free, 3), "dead_rows": int(dead)}
    told_too = {"seconds": told.seconds, "records": told.records, "kind": told.kind, "runs": len(rates)}
    print(json.dumps({"steps_per_s": figures, **told_too, **seen}))


if __name__ == "__main__":
    main()
