"""The same work on Wave Runner and on its peers, by turns: `python -m benchmarks.peers`.

    python -m benchmarks.peers --records 2089 --rounds 3 --peers dbos procrastinate pgqueuer prefect
    python -m benchmarks.peers --latency --runs 20 --rounds 3
    python -m benchmarks.peers --peers dbos --set processes=2 worker_concurrency=10

Records go through five durable steps that do nothing, in a chain, each a function in Python; `--latency` sends one
record at a time to workers that stand by. Each peer does it in the way and with the settings that were found fastest
for it on two cores; its side's docstring says which, and what its clock sees. `--set` tries others, on the peers named.

All speak to one PostgreSQL, one after the other, so that each round sees the same machine; each round has a new server,
each peer's run a new database, and `synchronous_commit` is on. Prefect alone is on Debian's PostgreSQL 15, since its
tables want an extension that ours does not bring, and has 50 records at most: more take longer and say the same.

What a peer keeps of a step differs; Wave Runner keeps its input, output and history too. Its kind "script" runs the
function in worker processes of its own, "engine" is Wave Runner without a function. The figures are medians, the ratios
ours by theirs: more than 1 is better for steps per second, less for milliseconds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
from typing import Any

from benchmarks import latency, throughput
from benchmarks.noop import Noop, facts, noop
from benchmarks.peers import debian
from benchmarks.peers.environments import PEERS, ROOT, python_of

KINDS = ("script", "engine")
BY_DEFAULT = [peer for peer in PEERS if peer != "prefect"]
AT_MOST = {"prefect": 50}  # records
HANGS_S = 900  # a side that waits for what will never be done


def main() -> None:
    """Measure as told, a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2089)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=BY_DEFAULT)
    parser.add_argument("--latency", action="store_true", help="time single records instead")
    parser.add_argument("--runs", type=int, default=20, help="how many single records")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings than the fastest")
    told = parser.parse_args()
    unit = "p50_ms" if told.latency else "steps_per_s"
    pythons = {peer: python_of(peer) for peer in told.peers}
    figures: dict[str, list[float]] = {name: [] for name in (*KINDS, *told.peers)}
    peers: dict[str, Any] = {}
    for _ in range(told.rounds):
        with noop() as project, contextlib.ExitStack() as stack:
            urls = dict.fromkeys(told.peers, project.admin_url)
            if "prefect" in urls:
                urls["prefect"] = stack.enter_context(debian.server())
            for kind in KINDS:
                figures[kind].append(_ours(project, kind, told))
                print(f"{kind}: {figures[kind][-1]:.1f} {unit}", flush=True)
            for peer, python in pythons.items():
                peers[peer] = _theirs(urls[peer], peer, str(python), told)
                figures[peer].append(peers[peer].pop(unit))
                print(f"{peer}: {figures[peer][-1]:.1f} {unit}", flush=True)
            seen = facts(project)
    medians = {name: round(statistics.median(found), 1) for name, found in figures.items()}
    print(json.dumps({unit: medians, "rounds": told.rounds, **_ratios(medians), "peers": peers, **seen}))


def _ours(project: Noop, kind: str, told: argparse.Namespace) -> float:
    if told.latency:
        return latency.percentiles(latency.measure(project, kind, told.runs))["p50"]
    return throughput.measure(project, kind, told.records)


def _theirs(url: str, peer: str, python: str, told: argparse.Namespace) -> dict[str, Any]:
    records = min(told.records, AT_MOST.get(peer, told.records))
    words = ["--latency", "--runs", str(told.runs)] if told.latency else ["--records", str(records)]
    words += ["--set", *told.set] if told.set else []
    command = [python, "-m", "benchmarks.peers.run_side", peer, "--url", url, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HANGS_S)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _ratios(medians: dict[str, float]) -> dict[str, dict[str, float]]:
    theirs = {name: figure for name, figure in medians.items() if name not in KINDS}
    return {f"{kind}_by": {peer: round(medians[kind] / figure, 2) for peer, figure in theirs.items()} for kind in KINDS}


if __name__ == "__main__":
    main()
