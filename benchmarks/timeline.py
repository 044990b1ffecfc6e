"""Where the time of one record goes: `python -m benchmarks.timeline`.

    python -m benchmarks.timeline --kind script --runs 100

The work is that of `benchmarks.latency`. What a runner says to the database is timed around the driver's calls, so that
each figure holds the server's work, the way there and back, and the driver. What is left of a step is the script and
the runner's own code. The last line is one JSON object: for what the steps in the middle say, the median in
milliseconds and how often it is said in each of them; and the median from one step's recorded completion to the next.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.latency import WARM_UP, one_record
from benchmarks.noop import KINDS, Noop, facts, noop

from wave_runner.engine import open_engine
from wave_runner.store import database
from wave_runner.store.messages import Question, numbered

SQL = Path(database.__file__).parent / "sql"

Said = tuple[float, str, float]
"""When, what, and the seconds it took."""


@cache
def names() -> dict[bytes, str]:
    """Return the name of each of our statements by its text."""
    found = [str(path.relative_to(SQL).with_suffix("")) for path in SQL.rglob("*.sql")]
    return {numbered(name)[0]: name for name in found if not name.startswith("session/")}


def name_of(question: Question) -> str:
    """Return what a statement is called: those on the user's tables SELECT, settings nothing."""
    first = question.text.split()[0].decode()
    known = names().get(question.text, first)
    return "" if known == "--" else known


@contextmanager
def listening() -> Iterator[list[Said]]:
    """Note what is said to the database in one message, in this process, while this lasts."""
    said: list[Said] = []
    say = database.Connection._say

    async def timed(self: Any) -> None:
        asked = " + ".join(filter(None, map(name_of, self._asked)))
        began = time.perf_counter()
        try:
            await say(self)
        finally:
            if asked:
                said.append((began, asked, time.perf_counter() - began))

    database.Connection._say = timed  # type: ignore[method-assign]
    try:
        yield said
    finally:
        database.Connection._say = say  # type: ignore[method-assign]


async def _timelines(project: Noop, kind: str, runs: int) -> list[list[Said]]:
    async with open_engine(project.folder) as engine:
        await engine.sync(dev=True)
        runner = engine.runner()
        await runner.start()
        found = []
        try:
            for n in range(runs + WARM_UP):
                with listening() as said:
                    await one_record(engine, kind, f"{kind} {n}")
                found.append(sorted(said))
        finally:
            await runner.stop()
        return found[WARM_UP:]


def summed_up(timelines: list[list[Said]]) -> dict[str, Any]:
    """Return the medians of what is said between the first completion and the last, and from each to the next."""
    took: dict[str, list[float]] = defaultdict(list)
    times: Counter[str] = Counter()
    between: list[float] = []
    for said in timelines:
        recorded = [at for at, name, _ in said if "interactions/finish" in name]
        between += [1000 * (late - early) for early, late in pairwise(recorded)]
        for at, name, seconds in said:
            if recorded[0] <= at < recorded[-1]:
                took[name].append(1000 * seconds)
                times[name] += 1
    steps = len(between)
    return {
        "step_ms": round(median(between), 2),
        "said": {
            name: {"ms": round(median(ms), 2), "times": round(times[name] / steps, 1)}
            for name, ms in sorted(took.items(), key=lambda one: -times[one[0]])
        },
    }


def main() -> None:
    """Measure as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(KINDS), default="script")
    parser.add_argument("--runs", type=int, default=50)
    told = parser.parse_args()
    with noop() as project:
        found = summed_up(asyncio.run(_timelines(project, told.kind, told.runs)))
        for name, one in found["said"].items():
            print(f"{one['ms']:6.2f} ms × {one['times']:4.1f}  {name}", flush=True)
        seen = facts(project)
    print(json.dumps({**found, "kind": told.kind, "runs": told.runs, **seen}))


if __name__ == "__main__":
    main()
