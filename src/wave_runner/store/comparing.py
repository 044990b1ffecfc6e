"""Read the results that two runs, or two versions of a step, have of the same records."""

from __future__ import annotations

from collections.abc import Sequence

from wave_runner.store.database import Connection, Row, fetch


async def run(connection: Connection, run_id: int) -> Row | None:
    """Return a run's workflow and kind; None if there is no such run."""
    rows = await fetch(connection, "comparing/run", {"run_id": run_id})
    return rows[0] if rows else None


async def of_run(connection: Connection, run_id: int, step: str | None) -> list[Row]:
    """Return the results in force of a run, by record and step; of an experiment all that it has."""
    return await fetch(connection, "comparing/of_run", {"run_id": run_id, "step": step})


async def of_step(connection: Connection, workflow: str, step: str) -> list[Row]:
    """Return all results of a step in all real runs, superseded ones too, the oldest first."""
    return await fetch(connection, "comparing/of_step", {"workflow": workflow, "step": step})


async def pinned(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """Return pinned definitions by their ids, with hash and body."""
    return await fetch(connection, "reruns/pinned", {"ids": sorted(set(ids))})
