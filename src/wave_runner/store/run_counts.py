"""How much stands in the tables that a run writes to, when it begins and when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from wave_runner.store.database import Connection, DataRefused, fetch
from wave_runner.store.queries import read_only
from wave_runner.store.records import table_name

ROWS = "*"
PATIENCE_S = 2.0
"""How long counting one table may take, seconds: a run must not wait for a table of many millions of rows."""

Targets = Mapping[str, Sequence[str]]
"""Columns by table."""


async def begin(connection: Connection, run_id: int, targets: Targets) -> None:
    """Count at a run's start, in the caller's transaction."""
    await fetch(connection, "run_counts/put", {"run_id": run_id, **await _counted(connection, targets)})


async def complete(connection: Connection, run_id: int, targets: Targets) -> None:
    """Count at its end."""
    await fetch(connection, "run_counts/complete", {"run_id": run_id, **await _counted(connection, targets)})


async def _counted(connection: Connection, targets: Targets) -> dict[str, list[str | int | None]]:
    """Return rows and values of each table and column as three lists; None where a table cannot be counted in time."""
    counted = [
        (table, column, number)
        for table, columns in targets.items()
        for column, number in (await _count(connection, table, columns)).items()
    ]
    names = ("tables", "columns", "numbers")
    return {name: [one[place] for one in counted] for place, name in enumerate(names)}


async def _count(connection: Connection, table: str, columns: Sequence[str]) -> dict[str, int | None]:
    wanted = [sql.SQL("count(*)"), *(sql.SQL("count({})").format(sql.Identifier(column)) for column in columns)]
    query = sql.SQL("SELECT ARRAY[{}] AS numbers FROM {}").format(sql.SQL(", ").join(wanted), table_name(table))
    try:
        async with read_only(connection, timeout_s=PATIENCE_S):
            cursor = await connection.execute(query)
            numbers: Sequence[int | None] = (await cursor.fetchall())[0]["numbers"]
    except DataRefused:
        numbers = [None] * len(wanted)  # the report says that it was not counted
    return dict(zip((ROWS, *columns), numbers, strict=True))
