"""What do waves gain on a real model server with room for one model? `python -m benchmarks.models`.

    python -m benchmarks.models --records 300 --beside 30

A mixed batch: three workflows that want three tiny models in different orders, on one slot. Its loads are counted from
the server's own log and must be as few as is possible. Beside it the same calls are made record by record, by the
driver alone, without a database: for so many of the records as `--beside` says, and multiplied. The last line is one
JSON object: loads, seconds, and how many times as long it takes record by record.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.mixed_batch import LOG, NUMBER, ORDERS, PROMPT, least, start_runs, write_project

from wave_runner.actors.ai_model import answer
from wave_runner.core.outcome import Done
from wave_runner.engine import Engine, open_engine
from wave_runner.project.load import load_project
from wave_runner.servers import open_server
from wave_runner.servers.protocol import Load
from wave_runner.servers.router import count_loads
from wave_runner.store import embedded, runs

PATIENCE_S = 1800


async def in_waves(folder: Path, *, each: int) -> float:
    """Start the three runs, let one runner do them, and return the seconds from its start to the last one's end."""
    async with open_engine(folder) as engine:
        run_ids = await start_runs(engine, each=each)
        runner = engine.runner()
        began = time.perf_counter()
        try:
            await runner.start()
            await asyncio.wait_for(all_completed(engine, run_ids), PATIENCE_S)
            return time.perf_counter() - began
        finally:
            await runner.stop()


async def all_completed(engine: Engine, run_ids: list[int]) -> None:
    """Return when all runs are completed; fail where one ends otherwise."""
    for run_id in run_ids:
        while (state := await state_of(engine, run_id)) == "running":  # noqa: ASYNC110 - the news is in the database
            await asyncio.sleep(0.05)
        assert state == "completed", state


async def state_of(engine: Engine, run_id: int) -> str:
    """Return how a run stands."""
    found = await runs.state(engine.database, run_id)
    assert found is not None
    return str(found["state"])


async def by_record(folder: Path, *, each: int) -> tuple[float, int]:
    """Ask the same, one record after the other; return the seconds and the loads."""
    project = load_project(folder)
    server = open_server(
        project.servers["local"], project_dir=folder, state_dir=folder / ".wave/servers/beside", environ=os.environ
    )
    schema, loads = json.loads(NUMBER), 0
    try:
        await server.ensure_loaded("test-c")  # the server is started
        began = time.perf_counter()
        for n in range(1, each + 1):
            for way, models in ORDERS.items():
                for name in models:
                    model = project.models[name]
                    load = await server.ensure_loaded(model.model, model.options)
                    assert isinstance(load, Load), load
                    loads += load.loaded
                    prompt = PROMPT.replace("{{ name }}", f"{way} {n}")
                    said = await answer(server, model, prompt=prompt, schema=schema, timeout_s=60.0)
                    assert isinstance(said, Done), said
        return time.perf_counter() - began, loads
    finally:
        await server.close()


def measure(records: int, beside: int) -> dict[str, Any]:
    """Do both, each on weights that it loads itself."""
    with tempfile.TemporaryDirectory(prefix="wave-models-") as place:
        folder = Path(place) / "project"
        write_project(folder)
        each, fewer = records // len(ORDERS), max(1, beside // len(ORDERS))
        try:
            waves_s = asyncio.run(in_waves(folder, each=each))
        finally:
            embedded.remove(folder / ".wave")
        loads = count_loads(folder / LOG)
        assert loads == least(), f"{loads} loads, where {least()} are enough"
        some_s, some_loads = asyncio.run(by_record(folder, each=fewer))
    times = each / fewer
    return {
        "records": each * len(ORDERS),
        "calls": each * sum(map(len, ORDERS.values())),
        "model_steps": sum(map(len, ORDERS.values())),
        "loads": {"least": least(), "waves": loads, "by_record": round(some_loads * times)},
        "seconds": {"waves": round(waves_s, 1), "by_record": round(some_s * times, 1)},
        "beside": fewer * len(ORDERS),
        "gain": round(some_s * times / waves_s, 2),
    }


def main() -> None:
    """Measure as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--beside", type=int, default=30, help="how many are done record by record")
    told = parser.parse_args()
    found = measure(told.records, told.beside)
    print(f"{found['loads']}, {found['seconds']} s: {found['gain']} times as long record by record", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
