"""All benchmarks, one after the other: `python -m benchmarks --size quick|usual|full`.

    python -m benchmarks --size usual
    python -m benchmarks --size full --only throughput history

Each is a process of its own, and its last line is kept in `benchmarks/results/SIZE/NAME.json`, with the words that it
was told and the version of the code that it was seen on. What is there already for this version is not measured again,
so that a run that was broken off goes on where it was; `--again` measures all the same. A full run ends by writing
`benchmarks/RESULTS.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.results import module_of, write

HERE = Path(__file__).parent
SIZES = ("quick", "usual", "full")
# What each is told, by size; None: it is left out.
TOLD: dict[str, dict[str, str | None]] = {
    "throughput": {
        "quick": "--records 1000 --rounds 1 --kinds engine script",
        "usual": "--rounds 3",
        "full": "--rounds 7",
    },
    "latency": {
        "quick": "--runs 10 --kinds script",
        "usual": "--runs 100",
        "full": "--runs 300 --kinds script engine sql",
    },
    "claim": {
        "quick": "--waiting 1000 --claimers 1 --seconds 3",
        "usual": "",
        "full": "--waiting 1000 100000 1000000 --seconds 20",
    },
    "bare_sql": {"quick": None, "usual": "--rounds 3", "full": "--rounds 7"},
    "audit_overhead": {"quick": None, "usual": "--rounds 3", "full": "--rounds 7 --records 200"},
    "bytes": {"quick": "--records 500 --kinds script", "usual": "", "full": "--records 10000"},
    "sealing": {"quick": None, "usual": "", "full": "--events 1000000 --seconds 60"},
    "projecting": {"quick": None, "usual": "", "full": "--records 50000 --rounds 5"},
    "enqueue": {"quick": None, "usual": "", "full": "--records 100000 --rounds 5"},
    "memory": {"quick": None, "usual": "--waiting 200000", "full": "--waiting 1000000 --seconds 120"},
    "models": {"quick": None, "usual": "", "full": "--beside 300"},
    "million": {"quick": None, "usual": None, "full": "--records 1000000"},
    "simulate": {"quick": "--rounds 1", "usual": "--rounds 3", "full": "--rounds 7 --records 2089 1000000"},
    "startup": {"quick": "--rounds 3", "usual": "--rounds 20", "full": "--rounds 50"},
    "reports": {"quick": None, "usual": "--records 2000 50000", "full": "--records 2000 200000 1000000"},
    "history": {
        "quick": None,
        "usual": "--finished 500000 --rounds 3",
        "full": "--finished 1000000 5000000 --records 4000 --rounds 7",
    },
    "long_reader": {"quick": None, "usual": "--seconds 60", "full": "--seconds 600 --records 4000"},
    "verify": {"quick": None, "usual": "", "full": "--events 500000 --rounds 5"},
    "pages": {"quick": None, "usual": "", "full": "--interactions 200000 900000 --rounds 20"},
    "peers": {
        "quick": None,
        "usual": "--rounds 1",
        "full": "--rounds 3 --peers dbos procrastinate pgqueuer prefect",
    },
    "peers_latency": {
        "quick": None,
        "usual": None,
        "full": "--latency --rounds 3 --peers dbos procrastinate pgqueuer prefect",
    },
    "runners": {"quick": None, "usual": "--runners 1 4 --postings 200", "full": "--postings 1000"},
}


def main() -> None:
    """Measure as told, and say after each where its figures lie."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="usual")
    parser.add_argument("--only", nargs="+", choices=list(TOLD), default=list(TOLD))
    parser.add_argument("--again", action="store_true", help="measure what has been measured on this version too")
    told = parser.parse_args()
    version = _version()
    for name in told.only:
        words = TOLD[name][told.size]
        if words is not None:
            _measure(name, words, HERE / "results" / told.size / f"{name}.json", version, again=told.again)
    if told.size == "full":
        write(HERE / "results" / "full", HERE / "RESULTS.md")
        print(f"{HERE / 'RESULTS.md'} is written", flush=True)


def _measure(name: str, words: str, kept: Path, version: str, *, again: bool) -> None:
    if not again and kept.exists() and _holds(kept, words, version):
        print(f"{name}: measured already, {kept}", flush=True)
        return
    print(f"{name} {words}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{module_of(name)}", *words.split()]
    with subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [line.rstrip("\n") for line in _shown(process.stdout)]
    if process.returncode:
        raise SystemExit(f"{name}: it failed, see above")
    seconds = round(time.monotonic() - began)
    found = {"told": words, "version": version, "took_s": seconds, "figures": json.loads(lines[-1])}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _shown(lines: Any) -> Any:
    for line in lines:
        if not line.startswith("{"):
            print(f"  {line}", end="", flush=True)
        yield line


def _holds(kept: Path, words: str, version: str) -> bool:
    before = json.loads(kept.read_text(encoding="utf-8"))
    return bool(before["told"] == words and before["version"] == version)


def _version() -> str:
    """Return the commit, and that something is changed beyond it: then what was measured is not trusted again."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=HERE, capture_output=True, text=True, check=False
    )
    version = said.stdout.strip()
    return f"{version} {time.time_ns()}" if version.endswith("-dirty") or not version else version


if __name__ == "__main__":
    main()
