"""What folding the log costs: `python -m benchmarks.projecting`.

    python -m benchmarks.projecting --records 10000 --rounds 3

Records go through five steps of the engine, so that there are ten events for each, which a runner seals and folds. Then
all of it is folded anew in batches, verified and rebuilt beside what is read, every interaction is compared with the
fold of its events, and the run is read as of the middle of the log: events a second of each, medians. Then the same run
is done by a runner that folds and by one that cannot get at the projection, round by round: steps a second of both.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from benchmarks.noop import Noop, facts, noop
from benchmarks.throughput import measure as steps_per_s

from wave_runner.core.projection import RECORD_STATES
from wave_runner.engine import Engine, open_engine
from wave_runner.reports.as_of import as_of
from wave_runner.runner.fold_check import verify_interactions
from wave_runner.store import projections

KIND = "engine"


async def fold_all(engine: Engine) -> None:
    """Fold the whole log into a copy that is given up afterwards."""
    database = engine.database
    await projections.begin(database, RECORD_STATES, "building")
    copy = next(one for one in await projections.copies(database) if one.state == "building")
    while (step := await projections.advance(database, RECORD_STATES, copy.projection_id)) and step.folded:
        pass
    async with database.transaction() as connection:
        await projections.retire(connection, copy.projection_id)
    while await projections.clear(database):
        pass


async def folding(engine: Engine, rounds: int) -> dict[str, float]:
    """Return events a second of everything that reads the log from its beginning."""
    keeper = engine.projection_keeper(RECORD_STATES.name)
    size = (await projections.copies(engine.database))[0].position
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "fold": lambda: fold_all(engine),
        "verify": keeper.verify,
        "rebuild": keeper.rebuild,
        "verify_interactions": lambda: verify_interactions(engine.database, by="benchmark"),
        "as_of_the_middle": lambda: as_of(engine.database, size // 2),
    }
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            began = time.perf_counter()
            await act()
            found[name].append((size // 2 if name == "as_of_the_middle" else size) / (time.perf_counter() - began))
    return {name: round(statistics.median(rates)) for name, rates in found.items()}


@contextlib.contextmanager
def nobody_folds(project: Noop) -> Iterator[None]:
    """Let the projection be of a fold that no runner has, and afterwards of its own again."""
    own = project.one("SELECT code_sha256 FROM projections")
    with project.sql() as connection:
        connection.execute("UPDATE projections SET code_sha256 = sha256('nobody has it')")
    yield
    with project.sql() as connection:
        connection.execute("UPDATE projections SET code_sha256 = %s", [own])


def beside(project: Noop, records: int, rounds: int) -> dict[str, float]:
    """Return steps a second of a runner that folds, and of one that cannot."""
    found: dict[str, list[float]] = {"folding": [], "not_folding": []}
    for _ in range(rounds):
        found["folding"].append(steps_per_s(project, KIND, records))
        with nobody_folds(project):
            found["not_folding"].append(steps_per_s(project, KIND, records))
    figures = {name: round(statistics.median(rates)) for name, rates in found.items()}
    return {**figures, "ratio": round(figures["folding"] / figures["not_folding"], 3)}


def main() -> None:
    """Measure as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    with noop() as project:
        steps_per_s(project, KIND, told.records)
        project.settle()

        async def with_engine() -> dict[str, float]:
            async with open_engine(project.folder) as engine:
                return await folding(engine, told.rounds)

        events_per_s = asyncio.run(with_engine())
        found: dict[str, Any] = {
            "events_per_s": events_per_s,
            "steps_per_s": beside(project, told.records, told.rounds),
        }
        print(json.dumps({**found, "records": told.records, "rounds": told.rounds, **facts(project)}))


if __name__ == "__main__":
    main()
