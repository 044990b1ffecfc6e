"""Queries that are the user's own text: what a script asks, and the sql actors' one statement for a whole wave.

All of them read only, within a time limit, and are rolled back. Their text is that of an approved file; values are
always parameters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import InternalError, sql

from wave_runner.core.canonical import dumps
from wave_runner.store.database import Connection, DataRefused, fetch, users_data
from wave_runner.store.statements import statement

SCRIPT_TIMEOUT_S = 30.0
MOST_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class WaveItem:
    """One row of `wave_items`, as a query sees it. `input` is JSON text."""

    interaction_id: int
    record_id: int | None
    key: str | None
    input: str


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a query gave for one item of its wave: how many rows, and one of them as JSON text."""

    rows: int
    row: str | None


@asynccontextmanager
async def read_only(connection: Connection, *, timeout_s: float) -> AsyncIterator[None]:
    """Around a query that is the user's: it cannot write, cannot run for longer, and what it sets does not outlive it.

    Raises `DataRefused` with the database's words.
    """
    try:
        with users_data(connection):
            async with connection.transaction(force_rollback=True):
                connection.allow(timeout_s)
                await fetch(connection, "session/read_only", {"timeout": f"{max(1, round(timeout_s * 1000))}ms"})
                await fetch(connection, "session/first_query")
                yield
    except InternalError as error:
        # What goes wrong inside the server under a query of the user's would do so again, and end every runner.
        raise DataRefused(str(error).partition("\n")[0], sqlstate=error.sqlstate or "") from error


async def query(connection: Connection, text: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    """Answer `ctx.db.query`: its rows as JSON values. More than `MOST_ROWS` are refused, never cut off in silence.

    The wrapper refuses everything that is not a query (SET, NOTIFY, DO, data-modifying CTEs); the newlines keep a
    trailing comment from swallowing it, and no column of a user's has the name of the whole row. `binary` has the
    driver use the extended protocol, which refuses a second statement, without parameters, too.
    """
    wrapped = sql.SQL('SELECT to_json("wave:row")::text AS row FROM (\n{}\n) AS "wave:row" LIMIT {}').format(
        sql.SQL(text), sql.Literal(MOST_ROWS + 1)
    )
    async with read_only(connection, timeout_s=SCRIPT_TIMEOUT_S):
        cursor = await connection.execute(wrapped, [adapt(value) for value in parameters], binary=True)
        rows = [orjson.loads(row["row"]) for row in await cursor.fetchall()]
    if len(rows) > MOST_ROWS:
        raise DataRefused(f"the query has more than {MOST_ROWS} rows: ask for them in pieces, with WHERE and LIMIT")
    return rows


async def answer(
    connection: Connection, text: str, items: Sequence[WaveItem], *, timeout_s: float
) -> dict[int, Answered]:
    """Run one query over a whole wave; return what it gave for each item, and under 0 what it gave for none."""
    given = {
        "ids": [item.interaction_id for item in items],
        "record_ids": [item.record_id for item in items],
        "keys": [item.key for item in items],
        "inputs": [item.input for item in items],
    }
    async with read_only(connection, timeout_s=timeout_s):
        cursor = await connection.execute(over_wave(text), given, prepare=False)
        rows = await cursor.fetchall()
    return {row["interaction_id"] or 0: Answered(rows=row["rows"], row=row["row"]) for row in rows}


async def plan(connection: Connection, text: str) -> None:
    """Have a query planned over an empty wave: what the database refuses in it is known before anything is done."""
    nothing: dict[str, list[Any]] = {"ids": [], "record_ids": [], "keys": [], "inputs": []}
    async with read_only(connection, timeout_s=SCRIPT_TIMEOUT_S):
        await connection.execute(sql.SQL("EXPLAIN ") + over_wave(text), nothing, prepare=False)


async def wrong_records(connection: Connection, text: str, keys: Mapping[int, str]) -> dict[int, str | None]:
    """Return the records that a query names as not as they should be, each with the `reason` it gives, if any."""
    given = {"ids": list(keys), "keys": list(keys.values())}
    async with read_only(connection, timeout_s=SCRIPT_TIMEOUT_S):
        cursor = await connection.execute(_around("ensures/records", text), given, prepare=False)
        rows = await cursor.fetchall()
    return {row["record_id"]: orjson.loads(row["row"]).get("reason") for row in rows}


async def wrong_rows(connection: Connection, text: str, run_id: int, *, limit: int) -> tuple[int, list[str]]:
    """Return how many rows a query finds that should not be there, and the first of them as JSON texts."""
    async with read_only(connection, timeout_s=SCRIPT_TIMEOUT_S):
        cursor = await connection.execute(
            _around("ensures/run", text), {"run_id": run_id, "limit": limit}, prepare=False
        )
        rows = await cursor.fetchall()
    return (rows[0]["total"] if rows else 0), [row["row"] for row in rows]


async def plan_records(connection: Connection, text: str) -> None:
    """Have a query of `ensures_sql` planned: what the database refuses in it is known before anything is done."""
    nothing: dict[str, Any] = {"ids": [], "keys": []}
    async with read_only(connection, timeout_s=SCRIPT_TIMEOUT_S):
        await connection.execute(sql.SQL("EXPLAIN ") + _around("ensures/records", text), nothing, prepare=False)


async def plan_run(connection: Connection, text: str) -> None:
    """Have a query of `ensures_run_sql` planned."""
    nothing = {"run_id": 0, "limit": 1}
    async with read_only(connection, timeout_s=SCRIPT_TIMEOUT_S):
        await connection.execute(sql.SQL("EXPLAIN ") + _around("ensures/run", text), nothing, prepare=False)


def over_wave(text: str) -> sql.Composed:
    """Return the statement that a query becomes: its own text between ours, which gives it `wave_items`."""
    return _around("waves/answer", text)


def _around(name: str, text: str) -> sql.Composed:
    return sql.SQL(statement(name)).format(query=sql.SQL(without_placeholders(text)))


def without_placeholders(text: str) -> str:
    """Return a query's text for the driver: it knows no placeholders, and its percent signs are its own."""
    return text.replace("%", "%%")


def adapt(value: Any) -> Any:
    """Return a script's value as a parameter: a list or an object goes in as JSON text, and the statement casts it."""
    return dumps(value).decode() if isinstance(value, dict | list) else value
