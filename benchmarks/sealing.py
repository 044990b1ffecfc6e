"""What sealing costs, and how far it is behind: `python -m benchmarks.sealing`.

    python -m benchmarks.sealing --events 100000 --seconds 10

Events like those of a step are written in chunks of 1,000, with the index that sealing goes by and without it, and then
sealed as a backlog: that gives events a second, and microseconds for each event, of the clock and of this process's
CPU. A step has two events, so twice that is what sealing takes of a step of 25 ms. Then six clients write for a while,
with savepoints that are rolled back, beside a transaction that stays open for five seconds, and a sealer of a runner is
at work: how far behind others were is the time of the seal's header, less that of the event, by the database's clock.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

import orjson
from benchmarks.noop import Noop, facts, noop
from tests.support.writers import Writers, connect, write_one

from wave_runner.engine import Engine, open_engine
from wave_runner.runner.loop import Loop
from wave_runner.runner.sealer import LONGEST_PAUSE_S, PAUSE_S

STEP_US = 25_000
HELD_S = 5.0
CHUNK = """
    INSERT INTO interaction_events
        (run_id, form, type, wave_id, correlation_id, runner_id, step, actor, definition, data, sha256)
    SELECT 0, 1, 'interaction_completed', n, gen_random_uuid(), gen_random_uuid(), 'summarise', 'model', sha256('d'),
           data, sha256(convert_to(data, 'UTF8'))
    FROM (SELECT n, format('{"attempt":1,"output":"%s","payloads":[{"c":"%s","role":"request"}],"service_us":%s}',
                           repeat('a', 64), repeat('b', 64), 100000 + n) AS data
          FROM generate_series(1, 1000) AS n) AS made
"""
SEALED = "SELECT entry FROM event_log WHERE log_index >= %s ORDER BY log_index"


def write(project: Noop, events: int) -> float:
    """Write events in chunks and return the microseconds that one takes: the median of the chunks."""
    took = []
    with connect(project.url) as connection:
        for _ in range(events // 1000):
            began = time.perf_counter()
            connection.execute(CHUNK)
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6 / 1000


def without_index(project: Noop, events: int) -> float:
    """Write events as if nobody would seal them."""
    with project.sql() as connection:
        connection.execute("DROP INDEX interaction_events_xid")
    took = write(project, events)
    with project.sql() as connection:
        connection.execute("CREATE INDEX interaction_events_xid ON interaction_events (xid)")
    return took


async def backlog(engine: Engine, events: int) -> dict[str, float]:
    """Seal all that is there, so many events, and return what it took."""
    sealer = engine.sealer(engine.project())
    wall, cpu = time.perf_counter(), time.process_time()
    await sealer.finish()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "events_per_s": round(events / wall),
        "wall_us": round(wall * 1e6 / events, 1),
        "cpu_us": round(cpu * 1e6 / events, 1),
        "of_a_step_of_25_ms": round(2 * wall * 1e6 / events / STEP_US, 5),
    }


async def behind(engine: Engine, seconds: float) -> dict[str, Any]:
    """Let a sealer work beside writers, and return how far behind the others were, in seconds."""
    sealer = engine.sealer(engine.project())
    [state] = await engine.database.fetch("log/waits")
    loop = Loop("sealer", sealer.one_pass, pause_s=PAUSE_S, longest_pause_s=LONGEST_PAUSE_S)
    task = asyncio.create_task(loop.run())
    with connect(engine.database.url) as late, Writers(engine.database.url):
        with late.transaction():
            write_one(late, '"held"')
            await asyncio.sleep(HELD_S)
        await asyncio.sleep(max(0.0, seconds - HELD_S))
    loop.stop()
    await task
    await sealer.finish()
    with connect(engine.database.url) as connection:
        entries = [orjson.loads(row[0]) for row in connection.execute(SEALED, [state["next_index"]])]
        held = connection.execute("SELECT event_id FROM interaction_events WHERE data LIKE '%\"held%'").fetchall()
    at_us, lags = 0, []
    for entry in entries:
        if entry["k"] == 1:
            at_us = entry["at"]
        elif entry["i"] != held[-1][0]:
            lags.append((at_us - entry["r"]) / 1e6)
    return {"events": len(lags), "worst_s": round(max(lags), 3), "median_s": round(statistics.median(lags), 3)}


def measure(project: Noop, events: int, seconds: float) -> dict[str, Any]:
    """Return all figures of one database."""

    async def with_engine() -> dict[str, Any]:
        async with open_engine(project.folder) as engine:
            await engine.sealer(engine.project()).finish()  # the first time all events are looked through
            bare = [without_index(project, events // 4), without_index(project, events // 4)]
            await engine.sealer(engine.project()).finish()
            with_index = write(project, events)
            project.settle()
            sealed = await backlog(engine, events)
            found = await behind(engine, seconds)
        return {
            "sealed": sealed,
            "behind": found,
            "write_us": round(with_index, 2),
            "write_without_index_us": round(min(bare), 2),
        }

    return asyncio.run(with_engine())


def main() -> None:
    """Measure as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    told = parser.parse_args()
    with noop() as project:
        found = measure(project, told.events, told.seconds)
        print(json.dumps({**found, "events": told.events, **facts(project)}))


if __name__ == "__main__":
    main()
