"""How many events a second does `wave-verify` verify, as a command, on a bundle of the whole log?

    python -m benchmarks.verify --events 100000

All checks are made: the signature, the tree, every event, the history, and with `contents` every content, of which
there are about two for three events. The log is made by `tests/support/bundles.py`, which shares nothing with the
verifier.
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

from tests.support import bundles

from wave_runner.audit import wave_verify

BATCH = 5000


def made(folder: Path, events: int) -> dict[str, Path]:
    """Write a log of at least so many events as two bundles: with its contents, and all of them erased."""
    writer = bundles.Writer(1)
    run = 0
    while len(writer.history.events) < events:
        run += 1
        writer.begin_run(run)
    kept = bundles.seal(writer.history, 1, size=BATCH)
    place = {"contents": _written(folder / "contents", kept)}
    writer.erase(1)
    return place | {"events": _written(folder / "events", bundles.seal(writer.history, 1, size=BATCH))}


def _written(folder: Path, log: bundles.Log) -> Path:
    return bundles.write(folder, bundles.whole(log), len(log.entries), {"kind": "whole"})


def verified(bundle: Path, policy: Path) -> tuple[float, int]:
    """Return the seconds of one command, and how many events it has verified."""
    command = [sys.executable, "-I", "-S", wave_verify.__file__, bundle, "--policy", policy, "--json"]
    began = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, json.loads(run.stdout)["facts"]["events"]


def main() -> None:
    """Measure as told, a line for each kind of bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    rates = {}
    with tempfile.TemporaryDirectory() as place:
        policy = Path(place) / "policy"
        policy.write_text(bundles.policy(), encoding="utf-8")
        for name, bundle in made(Path(place), told.events).items():
            rounds = [events / seconds for seconds, events in (verified(bundle, policy) for _ in range(told.rounds))]
            rates[name] = {
                "p50": round(statistics.median(rounds)),
                "min": round(min(rounds)),
                "max": round(max(rounds)),
            }
            print(f"{name}: {rates[name]} events a second", flush=True)
    print(json.dumps({"events_per_s": rates, "events": told.events, "rounds": told.rounds}))


if __name__ == "__main__":
    main()
