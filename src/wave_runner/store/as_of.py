"""What the first entries of the log say: how a run stood as far as was known then."""

from __future__ import annotations

from collections.abc import Mapping

from wave_runner.core.projection import STATE_AFTER
from wave_runner.store.database import Connection, Row, fetch

MOVES = [str(type) for type in STATE_AFTER]


async def size(connection: Connection) -> int:
    """Return how many entries the log has."""
    [row] = await fetch(connection, "log/size")
    found: int = row["size"]
    return found


async def header_from(connection: Connection, index: int) -> tuple[int, bytes] | None:
    """Return index and entry of the first header at an index of the log or behind it; None where there is none."""
    rows = await fetch(connection, "log/header_from", {"index": index})
    return (rows[0]["log_index"], bytes(rows[0]["entry"])) if rows else None


async def run(connection: Connection, before: int, run_id: int | None) -> int | None:
    """Return the run, or the newest one, if its beginning stands before an index of the log."""
    rows = await fetch(connection, "reports/as_of_run", {"before": before, "run_id": run_id})
    return rows[0]["run_id"] if rows else None


async def steps(connection: Connection, run_id: int, before: int) -> list[Row]:
    """Return how many interactions of each step were in each state."""
    states = [str(state) for state in STATE_AFTER.values()]
    return await fetch(connection, "reports/as_of_steps", {**_of(run_id, before), "types": MOVES, "states": states})


async def errors(connection: Connection, run_id: int, before: int) -> list[Row]:
    """Return what had gone wrong, by step and reason, the most frequent first."""
    return await fetch(connection, "reports/as_of_errors", {**_of(run_id, before), "types": MOVES})


async def records(connection: Connection, run_id: int, before: int) -> dict[str, int]:
    """Return how many of the records that had begun were in each state."""
    rows = await fetch(connection, "reports/as_of_records", _of(run_id, before))
    return {row["state"]: row["n"] for row in rows}


async def last_said(connection: Connection, run_id: int, before: int) -> str:
    """Return the type of the last event that is about the run as a whole."""
    [row] = await fetch(connection, "reports/as_of_ends", _of(run_id, before))
    found: str = row["type"]
    return found


def _of(run_id: int, before: int) -> Mapping[str, int]:
    return {"run_id": run_id, "before": before}
