"""How much memory a runner and its workers take while very much waits: `python -m benchmarks.memory`.

    python -m benchmarks.memory --waiting 1000000 --seconds 30

So many records wait for their first step. A runner begins to work on them, and for so many seconds the resident memory
of its process and of its script workers is looked at, four times a second. The figures are the most that was seen of
each, and that of the runner's first and last third, which tell whether it grows. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

from benchmarks.noop import WAVE, Noop, facts, noop
from benchmarks.seeded import seed, start_run

LOOKS_PER_S = 4
DONE = "SELECT count(*) FROM interactions WHERE state = 'completed'"


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def below(pid: int) -> list[int]:
    """Return the processes below one: of a runner, its wardens and their workers."""
    found = [int(one) for path in Path(f"/proc/{pid}/task").glob("*/children") for one in path.read_text().split()]
    return found + [deeper for one in found for deeper in below(one)]


def watch(pid: int, seconds: float) -> tuple[list[float], float]:
    """Return what a runner takes, look by look, and the most that one of its workers takes."""
    runner: list[float] = []
    worker = 0.0
    for number in range(int(seconds * LOOKS_PER_S)):
        if number:
            time.sleep(1 / LOOKS_PER_S)
        runner.append(resident_mb(pid))
        worker = max([worker, *map(resident_mb, below(pid))])
    return runner, worker


def measure(project: Noop, waiting: int, seconds: float) -> dict[str, float]:
    """Let a runner work on what waits, and return what it takes, in MB, and how much it has done."""
    project.copy(waiting)
    seed(project, start_run(project, "script"), waiting)
    project.settle()
    quiet = subprocess.DEVNULL
    command = [str(WAVE), "--project", str(project.folder), "runner"]
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=dict(os.environ)) as process:
        try:
            runner, worker = watch(process.pid, seconds)
        finally:
            process.terminate()
    done = project.one(DONE)
    assert done > 0, "the runner has done nothing"
    third = len(runner) // 3
    return {
        "runner": round(max(runner), 1),
        "runner_first_third": round(statistics.median(runner[:third]), 1),
        "runner_last_third": round(statistics.median(runner[-third:]), 1),
        "worker": round(worker, 1),
        "steps_done": done,
    }


def main() -> None:
    """Measure as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    told = parser.parse_args()
    with noop() as project:
        found = measure(project, told.waiting, told.seconds)
        print(f"{told.waiting} waiting: {found}", flush=True)
        print(json.dumps({"mb": found, "waiting": told.waiting, "seconds": told.seconds, **facts(project)}))


if __name__ == "__main__":
    main()
