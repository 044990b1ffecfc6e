"""How long does `wave simulate` take, as a command, for the graph that the mission names, at its real call times?

    python -m benchmarks.simulate --records 2089 1000000

The figures are those of `mission_3001.toml`. What the simulation has found is printed with the seconds it took: loads,
makespan, and the gain over record by record.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from wave_runner.project.init import init_project

FIGURES = Path(__file__).parent / "mission_3001.toml"


def simulated(folder: Path, records: int, overdue: str) -> tuple[float, dict[str, Any]]:
    """Return the seconds of one command, and what it has printed."""
    wave = Path(sys.executable).with_name("wave")
    words = ["simulate", "postings_graded", "--records", str(records), "--overdue", overdue, "--json"]
    began = time.perf_counter()
    run = subprocess.run([wave, *words, "--figures", FIGURES], cwd=folder, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, json.loads(run.stdout)


def main() -> None:
    """Measure as told, a line for each number of records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[2089])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--overdue", default="none", help="the bound on waiting; none: the fewest loads")
    told = parser.parse_args()
    seconds: dict[str, Any] = {}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "postings"
        init_project(folder)
        for records in told.records:
            rounds = [simulated(folder, records, told.overdue) for _ in range(told.rounds)]
            took = [one for one, _ in rounds]
            document = rounds[-1][1]
            seconds[str(records)] = {"p50": round(statistics.median(took), 2), "max": round(max(took), 2)}
            found[str(records)] = {
                "gain": round(document["gain"], 2),
                "least_loads": document["least_loads"],
                "loads": {name: one["loads"] for name, one in document["policies"].items()},
                "makespan_h": {name: round(one["makespan_s"] / 3600, 1) for name, one in document["policies"].items()},
            }
            print(f"{records} records: {seconds[str(records)]} s, {found[str(records)]}", flush=True)
    print(json.dumps({"seconds": seconds, "found": found, "overdue": told.overdue, "rounds": told.rounds}))


if __name__ == "__main__":
    main()
