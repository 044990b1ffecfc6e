"""What the calls of a run cost, what it wrote and what failed in it: counted, or as it came to when it was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from wave_runner.store.database import Connection, Row, fetch

BY = ("step", "model", "record", "attempt")
LINES = 500  # of each, the dearest: the most that is asked for by HTTP
RECORDS = 1_000  # of a cause: more are not told apart


@dataclass(frozen=True, kw_only=True)
class Costs:
    """A row for all calls (`whole`), then those of what they are counted by, and what the cache has saved besides."""

    rows: list[Row]
    from_cache: Row


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a run wrote: for how many records each column, how many records it had and wrote, and by step."""

    columns: list[Row]
    executed: int
    saved: int
    steps: list[Row]


@dataclass(frozen=True, kw_only=True)
class Details:
    """All of it as it is kept. `counted_at` is the moment of which it is; None: it is so now."""

    costs: dict[str, list[Row]]
    from_cache: Row
    written: Written
    causes: list[Row]
    counted_at: datetime | None = None

    @property
    def unsettled(self) -> int:
        """How many calls there are of which nobody has seen the end."""
        whole = self.costs["step"][0]
        return int(whole["running"] + whole["unseen"])


async def costs(
    connection: Connection, run_id: int, *, by: str, limit: int, now: bool
) -> tuple[Costs, datetime | None]:
    """Return what a run's calls have cost, the dearest lines first, and of when that is; None: of now.

    More lines than are kept are counted.
    """
    kept = (await details(connection, [run_id], now=now)).get(run_id)
    if kept is None or (limit > LINES and kept.costs[by][0]["lines"] > LINES):
        rows = await fetch(connection, "reports/cost", {"run_id": run_id, "by": by, "limit": limit})
        return Costs(rows=rows, from_cache=await _from_cache(connection, run_id)), None
    return Costs(rows=kept.costs[by][: limit + 1], from_cache=kept.from_cache), kept.counted_at


async def written(connection: Connection, run_id: int, *, now: bool) -> tuple[Written, datetime | None]:
    """Return what a run wrote, and of when that is; None: of now."""
    kept = (await details(connection, [run_id], now=now)).get(run_id)
    return (await _written(connection, run_id), None) if kept is None else (kept.written, kept.counted_at)


async def causes(connection: Connection, run_ids: Sequence[int]) -> list[Row]:
    """Return what has gone wrong in some runs, counted now: a row for each run and cause, with its records if few."""
    return await fetch(connection, "reports/causes", {"run_ids": list(run_ids), "most": RECORDS})


async def details(connection: Connection, run_ids: Sequence[int], *, now: bool) -> dict[int, Details]:
    """Return what is kept of some runs, by run: of those under way too, unless it has to be as it is `now`."""
    rows = await fetch(connection, "run_sums/details", {"run_ids": list(run_ids)})
    if not now:
        rows += await fetch(connection, "interim_sums/details", {"run_ids": list(run_ids)})
    return {row["run_id"]: _read(row["details"], row["counted_at"]) for row in rows}


async def count(connection: Connection, run_id: int) -> Details:
    """Count all of it."""
    costs = {by: await fetch(connection, "reports/cost", {"run_id": run_id, "by": by, "limit": LINES}) for by in BY}
    return Details(
        costs=costs,
        from_cache=await _from_cache(connection, run_id),
        written=await _written(connection, run_id),
        causes=await causes(connection, [run_id]),
    )


def text(found: Details) -> str:
    """Return it as it is kept."""
    return orjson.dumps(asdict(found)).decode()


def _read(text: str, counted_at: datetime | None) -> Details:
    said: dict[str, Any] = orjson.loads(text)
    causes = [{**row, "newest": row["newest"] and datetime.fromisoformat(row["newest"])} for row in said["causes"]]
    return Details(**{**said, "written": Written(**said["written"]), "causes": causes, "counted_at": counted_at})


async def _from_cache(connection: Connection, run_id: int) -> Row:
    [row] = await fetch(connection, "reports/from_cache", {"run_id": run_id})
    return row


async def _written(connection: Connection, run_id: int) -> Written:
    [records] = await fetch(connection, "reports/saved_records", {"run_id": run_id})
    return Written(
        columns=await fetch(connection, "reports/written", {"run_id": run_id}),
        executed=records["executed"],
        saved=records["saved"],
        steps=await fetch(connection, "reports/saved", {"run_id": run_id}),
    )
