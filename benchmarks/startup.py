"""How long the first moment takes, above Python's own: `python -m benchmarks.startup`.

    python -m benchmarks.startup --rounds 20

Whole processes in alternation: `python -c pass`, `python -c "import wave_runner"`, `wave --help`,
and `wave status --json` of a project with one finished run, whose embedded server stands by. The first round warms the
file cache and is left out. The last line is one JSON object with the medians in ms, and each above bare Python.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.noop import WAVE, Noop, facts, noop

from wave_runner.store import embedded

BARE = "bare python"


def commands(project: Noop) -> dict[str, Sequence[str | Path]]:
    """Return what is started, by name."""
    return {
        BARE: [sys.executable, "-c", "pass"],
        "import wave_runner": [sys.executable, "-c", "import wave_runner"],
        "wave --help": [WAVE, "--help"],
        "wave status": [WAVE, "--project", project.folder, "status", "--json"],
    }


def once(command: Sequence[str | Path]) -> float:
    """Return the milliseconds that a process takes from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - began)


def measure(project: Noop, rounds: int) -> dict[str, float]:
    """Return the median of each command."""
    found: dict[str, list[float]] = {name: [] for name in commands(project)}
    for _ in range(rounds + 1):
        for name, command in commands(project).items():
            found[name].append(once(command))
    return {name: round(statistics.median(times[1:]), 1) for name, times in found.items()}


def main() -> None:
    """Measure, a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    told = parser.parse_args()
    with noop() as project:
        project.fill(1)
        project.wave("run", "engine", "--force")
        database = embedded.start(project.folder / ".wave")
        try:
            found = measure(project, told.rounds)
        finally:
            database.release()
        seen = facts(project)
    above = {name: round(ms - found[BARE], 1) for name, ms in found.items() if name != BARE}
    for name, ms in found.items():
        print(f"{name}: {ms:.1f} ms, {ms - found[BARE]:.1f} above bare Python", flush=True)
    print(json.dumps({"ms": found, "above_bare_python_ms": above, "rounds": told.rounds, **seen}))


if __name__ == "__main__":
    main()
