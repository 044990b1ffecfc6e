"""The numbers that are shown while a run works: exact at every moment, independent of how much history there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database


@dataclass(frozen=True, kw_only=True)
class StepCount:
    """How many interactions of a step are in a state."""

    step: str
    position: int
    actor: str
    kind: str
    state: str
    n: int


async def by_step(database: Database, run_id: int) -> list[StepCount]:
    """Return the live counts of a run: folded counts and unfolded deltas, read in one snapshot."""
    async with stored.snapshot(database) as connection:
        return await counts(connection, run_id)


async def model_loads(database: Database, run_id: int) -> int:
    """Return how many model loads the run's waves needed."""
    async with stored.snapshot(database) as connection:
        return int((await stored.model_loads(connection, run_id))["loads"])


async def counts(connection: Connection, run_id: int) -> list[StepCount]:
    """Return the live counts as they stand in the snapshot of this connection."""
    return [StepCount(**row) for row in await stored.step_counts(connection, run_id)]
