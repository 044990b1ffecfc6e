"""How long it takes to claim a hundred steps, however many wait: `python -m benchmarks.claim`.

    python -m benchmarks.claim --waiting 1000 100000 1000000 --claimers 1 8 --seconds 10

So many interactions wait in one queue, and claimers take waves of a hundred from it, as runners do: each is a process
with a connection of its own, and a claim lasts from the transaction's begin to the answer of its commit. Then the wave
is closed, and what it held is put at the end of the queue, so that as many wait as before; that is not measured. All
claimers go on for the same seconds, and rest in between for as long as makes `--rate` claims a second of all together:
80 are those of 8,000 steps a second. With `--rate 0` none ever rests, and most of a claim's time is that of the others,
who want the same cores. `short` counts the claims that got fewer than a hundred, because others were at the rest. The
last line is one JSON object: p50, p99 and the longest in milliseconds by size and claimers, and the ratio of the p99 at
the largest size to that at the smallest by claimers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from threading import Barrier
from typing import Any
from uuid import uuid4

from benchmarks.noop import Noop, facts, noop
from benchmarks.seeded import seed, start_run

from wave_runner.store import waves
from wave_runner.store.database import Database

SIZE = 100
WARM_UP = 10
LEASE_S = 60.0
START_S = 60.0  # so long may the last claimer take to be ready

# Behind everything that waits: waves are numbered upwards, and so are the ranks of what they have held.
PUT_BACK = """\
INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id)
SELECT queue_id, rank + %(wave_id)s, interaction_id, run_id, run_step_id
FROM interactions WHERE run_id = %(run_id)s AND interaction_id = ANY (%(ids)s)
"""


class Claimer:
    """One who claims from a queue again and again, and puts back what was claimed."""

    def __init__(self, database: Database, queue_id: int) -> None:
        self._database = database
        self._queue_id = queue_id
        self._runner_id = uuid4()
        self._seq = 0

    async def register(self) -> None:
        await waves.register_runner(self._database, self._runner_id, "benchmark")

    async def claim(self) -> tuple[float, int]:
        """Return the milliseconds of a claim, and how much it got."""
        self._seq += 1
        began = time.perf_counter()
        async with self._database.transaction(by_key=True) as connection:
            wave = await waves.claim(
                connection,
                runner_id=self._runner_id,
                runner_seq=self._seq,
                queue_id=self._queue_id,
                size=SIZE,
                lease_s=LEASE_S,
                reason="benchmark",
            )
        took_ms = 1000 * (time.perf_counter() - began)
        if wave is None:
            return took_ms, 0
        await self._put_back(wave)
        return took_ms, len(wave.items)

    async def _put_back(self, wave: waves.Wave) -> None:
        given = {
            "wave_id": wave.wave_id,
            "run_id": wave.items[0].run_id,
            "ids": [item.interaction_id for item in wave.items],
        }
        async with self._database.transaction(by_key=True) as connection:
            await waves.close(connection, wave, done=len(wave.items))
            await connection.execute(PUT_BACK, given)


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[Database]:
    database = Database(url, schema="wave", size=1)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def claim_for(url: str, queue_id: int, seconds: float, rest_s: float, ready: Barrier) -> list[tuple[float, int]]:
    """Claim for so many seconds, in a process of its own, beginning when all are ready."""

    async def claims() -> list[tuple[float, int]]:
        async with _open(url) as database:
            claimer = Claimer(database, queue_id)
            await claimer.register()
            for _ in range(WARM_UP):
                await claimer.claim()
            await asyncio.to_thread(ready.wait, START_S)
            ends = time.monotonic() + seconds
            found = []
            while time.monotonic() < ends:
                found.append(await claimer.claim())
                await asyncio.sleep(random.uniform(0, 2 * rest_s))
            return found

    return asyncio.run(claims())


@contextmanager
def _barrier(parties: int) -> Iterator[Barrier]:
    with multiprocessing.get_context("spawn").Manager() as manager:
        yield manager.Barrier(parties)


def measure(project: Noop, queue_id: int, *, claimers: int, seconds: float, rate: float) -> dict[str, Any]:
    """Let so many claim at once, and return how long their claims took."""
    spawn = multiprocessing.get_context("spawn")
    rest_s = claimers / rate if rate else 0.0
    with _barrier(claimers) as ready, ProcessPoolExecutor(claimers, mp_context=spawn) as pool:
        all_of_them = [pool.submit(claim_for, project.url, queue_id, seconds, rest_s, ready) for _ in range(claimers)]
        claims = [claim for one in all_of_them for claim in one.result()]
    full = [ms for ms, got in claims if got == SIZE]
    assert full, "nobody got a whole wave"
    return {
        "ms": percentiles(sorted(full)),
        "claims": len(claims),
        "short": len(claims) - len(full),
        "per_s": round(len(claims) / seconds),
    }


def percentiles(sorted_ms: list[float]) -> dict[str, float]:
    """Return p50 and p99 by the nearest rank, and the longest."""
    ranks = {name: max(0, -(-len(sorted_ms) * part // 100) - 1) for name, part in {"p50": 50, "p99": 99}.items()}
    return {**{name: round(sorted_ms[rank], 2) for name, rank in ranks.items()}, "max": round(sorted_ms[-1], 2)}


def main() -> None:
    """Measure as told, a line for each size and number of claimers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--claimers", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=80.0, help="claims a second, of all together; 0: no rest")
    told = parser.parse_args()
    sizes = sorted(told.waiting)
    found: dict[int, dict[int, dict[str, Any]]] = {size: {} for size in sizes}
    with noop() as project:
        run_id = start_run(project, "engine")
        queue_id = project.one("SELECT queue_id FROM run_steps WHERE run_id = %s AND position = 1", run_id)
        for before, size in zip([0, *sizes], sizes, strict=False):
            seed(project, run_id, size - before)
            for claimers in told.claimers:
                project.settle()
                found[size][claimers] = measure(
                    project, queue_id, claimers=claimers, seconds=told.seconds, rate=told.rate
                )
                waiting = project.one("SELECT count(*) FROM claimable WHERE queue_id = %s", queue_id)
                assert waiting == size, f"{waiting} wait, and not {size}"
                print(f"{size} waiting, {claimers} claimers: {found[size][claimers]}", flush=True)
        seen = facts(project)
    ratios = {n: round(found[sizes[-1]][n]["ms"]["p99"] / found[sizes[0]][n]["ms"]["p99"], 2) for n in told.claimers}
    print(
        json.dumps(
            {"claims": found, "p99_ratio": ratios, "size": SIZE, "rate": told.rate, "seconds": told.seconds, **seen}
        )
    )


if __name__ == "__main__":
    main()
