"""Read what is recorded about where values come from. Everything here takes a connection from `reports.snapshot`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wave_runner.store.database import Connection, Row, fetch


async def record(connection: Connection, key: str, *, collections: Sequence[str]) -> Row | None:
    """Return the record with this key in one of these collections; None if there is none."""
    rows = await fetch(connection, "provenance/record", {"key": key, "collections": list(collections)})
    return rows[0] if rows else None


async def writes(connection: Connection, record_id: int, *, table: str, column: str) -> list[Row]:
    """Return every write of a record's value, the newest first, with what stood there before."""
    return await fetch(connection, "provenance/writes", {"record_id": record_id, "table": table, "column": column})


async def flows(connection: Connection, record_id: int) -> list[int]:
    """Return every run that a record took part in, but for those that were dropped, the oldest first."""
    return [row["run_id"] for row in await fetch(connection, "provenance/flows", {"record_id": record_id})]


async def written(connection: Connection, record_id: int) -> list[tuple[str, str]]:
    """Return which values of a record steps have written: table and column, "*" for rows that are a list."""
    rows = await fetch(connection, "provenance/written", {"record_id": record_id})
    return [(row["table_name"], row["column_name"]) for row in rows]


async def promotion(connection: Connection, record_id: int) -> Row | None:
    """Return the staged row that became a record; None if it came from no staging."""
    rows = await fetch(connection, "provenance/promotion", {"record_id": record_id})
    return rows[0] if rows else None


async def run(connection: Connection, run_id: int) -> Row:
    """Return which run it is: its workflow's file and hash, when it was started and by whom."""
    return (await fetch(connection, "provenance/run", {"run_id": run_id}))[0]


async def lineage(connection: Connection, run_id: int, ids: Collection[int]) -> list[Row]:
    """Return interactions of a run with all that they descend from, each once; `sources` are the ids before it."""
    return await fetch(connection, "provenance/lineage", {"run_id": run_id, "ids": list(ids)})


async def events(connection: Connection, run_id: int, ids: Collection[int]) -> list[Row]:
    """Return how the last attempt of each interaction began, and how it was completed."""
    return await fetch(connection, "provenance/events", {"run_id": run_id, "ids": list(ids)})


async def causes(connection: Connection, run_id: int, interaction_id: int, seq: int) -> list[Row]:
    """Return the chain of causes that ends with an event, the first cause first; nothing if it is not there."""
    given = {"run_id": run_id, "interaction_id": interaction_id, "seq": seq}
    return await fetch(connection, "provenance/causes", given)


async def evidence(connection: Connection, attempts: Sequence[tuple[int, int, int]]) -> list[Row]:
    """Return request, raw answer and server's version of attempts: (run, interaction, attempt)."""
    run_ids, ids, numbers = ([one[place] for one in attempts] for place in range(3))
    return await fetch(connection, "provenance/evidence", {"run_ids": run_ids, "ids": ids, "attempts": numbers})


async def costs(connection: Connection, run_id: int, ids: Collection[int]) -> list[Row]:
    """Return what the calls of each interaction have cost, in billionths."""
    return await fetch(connection, "provenance/costs", {"run_id": run_id, "ids": list(ids)})


async def decisions(connection: Connection, run_id: int, ids: Collection[int]) -> list[Row]:
    """Return what people have said about interactions."""
    return await fetch(connection, "provenance/decisions", {"run_id": run_id, "ids": list(ids)})


async def approvals(connection: Connection, actors: Collection[str]) -> list[Row]:
    """Return every definition that was ever approved for these actors, the newest first."""
    return await fetch(connection, "provenance/approvals", {"actors": sorted(actors)})


async def bodies(connection: Connection, hashes: Collection[bytes]) -> list[Row]:
    """Return the stored definitions that have one of these hashes."""
    return await fetch(connection, "provenance/bodies", {"hashes": sorted(hashes)})


async def workflow_versions(connection: Connection, workflow: str) -> list[Row]:
    """Return the versions that runs of a workflow have had, the newest first."""
    return await fetch(connection, "provenance/workflow_versions", {"workflow": workflow})


async def pinned_steps(connection: Connection, run_id: int) -> dict[str, bytes]:
    """Return what a run has pinned when it began: the text of each step, in their order."""
    rows = await fetch(connection, "provenance/pinned_steps", {"run_id": run_id})
    return {row["name"]: bytes(row["body"]) for row in rows}


async def usage(connection: Connection, actor: str, *, run_id: int | None) -> list[Row]:
    """Return the results in force that an actor has given, by run, step and weights: the newest run first."""
    return await fetch(connection, "provenance/usage", {"actor": actor, "run_id": run_id})


async def usage_records(connection: Connection, of: Sequence[tuple[int, str | None]], *, limit: int) -> list[Row]:
    """Return whose results they are: of (step of a run, weights). `total` on each row counts those beyond the limit."""
    given = {"run_step_ids": [one for one, _ in of], "digests": [digest for _, digest in of], "limit": limit}
    return await fetch(connection, "provenance/usage_records", given)
