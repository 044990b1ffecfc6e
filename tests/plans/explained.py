"""What PostgreSQL does for one of our statements: its plan as a runner has it, and how many rows it looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from wave_runner.store.arrays import literal
from wave_runner.store.database import Connection, fetch
from wave_runner.store.statements import statement

BIG = (
    *("interactions", "interaction_events", "run_records", "records", "claimable", "claimed"),
    *("ledger", "answers", "hits"),
)
"""Tables that grow with the work. The names of their ranges begin alike."""


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a plan's nodes, from the top."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


async def explained(connection: Connection, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Run a statement, take it back, and return its plan with what it has done.

    By key it is prepared, and the plan is the one for any values; else it is planned for these.
    """
    text = statement(name)
    if not connection.by_key:
        asked = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + sql.SQL(text)
        async with connection.transaction(force_rollback=True):
            return await _plan(await connection.execute(asked, parameters, prepare=False))
    await connection.answers()  # the transaction begins with what is said first
    say = connection.pgconn.exec_  # past the driver: it would forget what it has prepared
    say(b"SAVEPOINT probe")
    await fetch(connection, name, parameters)
    say(b"ROLLBACK TO probe")
    query = "SELECT name FROM pg_prepared_statements WHERE left(statement, 60) = left(%s, 60) ORDER BY name"
    prepared, *_ = await (await connection.execute(query, [text])).fetchall()  # the types of numbers may differ
    names = dict.fromkeys(re.findall(r"%\((\w+)\)s", text))
    values = [literal(value) if isinstance(value, list) else value for value in map(parameters.__getitem__, names)]
    given = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values))) if values else sql.SQL("")
    execute = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {} {}").format(sql.Identifier(prepared["name"]), given)
    plan = await _plan(await connection.execute(execute, prepare=False))
    say(b"ROLLBACK TO probe")
    return plan


async def _plan(cursor: Any) -> Mapping[str, Any]:
    [row] = await cursor.fetchall()
    [found] = row["QUERY PLAN"]
    return {**found["Plan"], "JIT": found.get("JIT")}


def compiled(name: str, plan: Mapping[str, Any]) -> list[str]:
    """Return a statement that PostgreSQL compiles, which takes it far longer than the statement itself."""
    return [f"{name}: is compiled, in {plan['JIT']['Timing']['Total']} ms"] if plan["JIT"] else []


def scanned(name: str, plan: Mapping[str, Any]) -> list[str]:
    """Return the large tables that a statement reads from end to end."""
    return [
        f"{name}: {node['Node Type']} on {node['Relation Name']}"
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"].startswith(BIG)
    ]


def most_at_once(plan: Mapping[str, Any]) -> float:
    """Return how many rows the busiest part of a plan looks at, those that it does not take among them."""
    removed = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
    return max(
        node["Actual Loops"] * (node["Actual Rows"] + sum(node.get(name, 0) for name in removed))
        for node in nodes(plan)
    )
