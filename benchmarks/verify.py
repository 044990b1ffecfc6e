"""How many events a second are exported and verified, of a log that runs of no-op steps have left?

    python -m benchmarks.verify --events 100000

`live` is `wave audit verify` on the database, `export` is `wave audit export` of the whole log, and `bundle` is
`wave-verify` on that; each is a command of its own. All checks are made: the signature, the tree, every event, the
history, and every content, of which there is one for each event. What the commands on the database take on a log of a
few events, `start_s`, is taken off: it does not grow with the log. `events` is `bundle` without the contents: the same
log in a bundle from which all of them were erased, sealed by `tests/support/bundles.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.noop import WAVE, Noop, facts, noop
from tests.support import bundles

from wave_runner.audit import wave_verify

EACH = 10  # events of a record in five steps


def timed(command: list[str | Path]) -> tuple[float, str]:
    """Return the seconds of one command, and what it has printed."""
    began = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return time.perf_counter() - began, run.stdout


def audited(project: Noop, *words: str) -> tuple[float, str]:
    """Return the seconds of one `wave audit` command, and what it has printed."""
    return timed([WAVE, "--project", project.folder, "audit", *words, "--json"])


def verified(bundle: Path) -> float:
    """Return how many events a second one `wave-verify` has verified."""
    seconds, said = timed([sys.executable, "-I", "-S", wave_verify.__file__, bundle, "--json"])
    return float(json.loads(said)["facts"]["events"]) / seconds


def without_contents(folder: Path, events: int) -> Path:
    """Write a log of at least so many events, of which everything is erased, as a bundle."""
    writer = bundles.Writer(1)
    run = 0
    while len(writer.history.events) < events:
        run += 1
        writer.begin_run(run)
    writer.erase(1)
    log = bundles.seal(writer.history, 1, size=wave_verify.BATCH)
    return bundles.write(folder, bundles.whole(log), len(log.entries), {"kind": "whole"})


def main() -> None:
    """Measure as told, a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, noop() as project:
        project.fill(1)
        project.wave("run", "engine", "--force")
        start_s = statistics.median(audited(project, "verify")[0] for _ in range(3))
        project.fill(told.events // EACH)
        project.wave("run", "engine", "--force")
        count = project.one("SELECT count(*) FROM event_log WHERE kind = 0")
        bare = without_contents(Path(place) / "bare", told.events)

        def exported(round: int) -> float:
            seconds, _ = audited(project, "export", "--out", str(Path(place) / f"bundle-{round}"))
            return float(count) / (seconds - start_s)

        kinds: dict[str, Callable[[int], float]] = {
            "live": lambda _: float(count) / (audited(project, "verify")[0] - start_s),
            "export": exported,
            "bundle": lambda round: verified(Path(place) / f"bundle-{round}"),
            "events": lambda _: verified(bare),
        }
        rates = {}
        for name, measure in kinds.items():
            found = [measure(round) for round in range(told.rounds)]
            rates[name] = {"p50": round(statistics.median(found)), "min": round(min(found)), "max": round(max(found))}
            print(f"{name}: {rates[name]} events a second", flush=True)
        seen = facts(project)
    print(
        json.dumps(
            {"events_per_s": rates, "start_s": round(start_s, 2), "events": count, "rounds": told.rounds, **seen}
        )
    )


if __name__ == "__main__":
    main()
