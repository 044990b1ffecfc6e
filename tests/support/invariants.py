"""What breaks the invariants of a database, asked with the statements that `wave doctor` asks."""

from __future__ import annotations

import psycopg

from wave_runner.store.interactions import MAX_CRASHES
from wave_runner.store.invariants import INVARIANTS
from wave_runner.store.statements import statement

LEASE_S = 2.0


def broken_invariants(url: str, *, schema: str = "wave", lease_s: float = LEASE_S) -> dict[str, list[str]]:
    """Return what breaks each invariant that does not hold, by its code."""
    parameters = {"lease_s": lease_s, "max_crashes": MAX_CRASHES}
    found = {}
    with psycopg.connect(url, options=f"-c search_path={schema},public") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if connection.execute("SELECT to_regclass('interaction_events')").fetchone() == (None,):
            return {}
        for invariant in INVARIANTS:
            rows = connection.execute(statement(invariant.statement), parameters).fetchall()
            if rows:
                found[invariant.code] = [f"run {run}, interaction {one}: {says}" for run, one, says in rows]
    return found
