"""What goes wrong again and again: the failures of the newest runs, by their cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored
from wave_runner.store import run_details
from wave_runner.store.run_sums import MANY_WRONG

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row

RUNS, LIMIT = 20, 100
CAUSE = ("step", "actor", "state", "error_class", "rule")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One cause: the same step and actor of a workflow, state, error class and rule, in `runs` runs.

    State `retrying` will be tried again; `doubted` was recorded as completed before something spoke against it.
    `records` is None where it is of several runs, and of more than 1,000 records in one of them: whether they are the
    same ones is not counted. `interaction_id`, in `last_run_id`, is the newest that it concerns, and `error` what was
    said there.
    """

    workflow: str
    step: str
    actor: str
    state: str
    error_class: str | None
    rule: str | None
    n: int
    records: int | None
    runs: int
    first_run_id: int
    newest: datetime | None
    last_run_id: int
    interaction_id: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The causes of failures in the newest `of_runs` runs, the most frequent first; no more than 100 of them.

    Of a large run that is under way, and in which much has failed, they are as they were counted. `counted_at` is that
    moment, the oldest of several; None: all of it is of now.
    """

    counted_at: datetime | None
    of_runs: int
    rows: list[Failure]


async def failures(database: Database, *, workflow: str | None = None, runs: int = RUNS, now: bool = False) -> Failures:
    """Return what has gone wrong in so many of the newest runs, of one workflow where that is asked for.

    With `now` large runs that are under way are counted, however long that takes.
    """
    async with stored.snapshot(database) as connection:
        newest = {
            row["run_id"]: row["workflow"] for row in await stored.newest_runs(connection, workflow=workflow, runs=runs)
        }
        found, counted_at = await _causes(connection, list(newest), now=now)
        rows = _merged(found, newest)[:LIMIT]
        said = await stored.said(connection, [(row["last_run_id"], row["interaction_id"]) for row in rows])
    causes = [Failure(**row, error=error) for row, error in zip(rows, said, strict=True)]
    return Failures(counted_at=counted_at, of_runs=runs, rows=causes)


async def _causes(connection: Connection, run_ids: Sequence[int], *, now: bool) -> tuple[list[Row], datetime | None]:
    """Return the causes of each run. Few failures of a run under way are counted, and are of now."""
    kept = {
        run_id: one
        for run_id, one in (await run_details.details(connection, run_ids, now=now)).items()
        if one.counted_at is None or sum(cause["n"] for cause in one.causes) >= MANY_WRONG
    }
    counted = await run_details.causes(connection, [run_id for run_id in run_ids if run_id not in kept])
    moments = [one.counted_at for one in kept.values() if one.counted_at is not None]
    return [*counted, *(cause for one in kept.values() for cause in one.causes)], min(moments, default=None)


def _merged(causes: Sequence[Row], workflows: dict[int, str]) -> list[Row]:
    """Return what is the same cause in several runs of a workflow as one, the most frequent first."""
    alike: dict[tuple[str | None, ...], list[Row]] = {}
    for one in sorted(causes, key=lambda cause: cause["run_id"]):
        alike.setdefault((workflows[one["run_id"]], *(one[name] for name in CAUSE)), []).append(one)
    merged = [
        {
            **dict(zip(("workflow", *CAUSE), cause, strict=True)),
            "n": sum(one["n"] for one in some),
            "records": _records(some),
            "runs": len(some),
            "first_run_id": some[0]["run_id"],
            "newest": max((one["newest"] for one in some if one["newest"] is not None), default=None),
            "last_run_id": some[-1]["run_id"],
            "interaction_id": some[-1]["interaction_id"],
        }
        for cause, some in alike.items()
    ]
    return sorted(merged, key=lambda row: (-row["n"], row["step"], row["state"], row["rule"] is None, row["rule"]))


def _records(some: Sequence[Row]) -> int | None:
    """Return how many records there are in all of these, or None if that is not known."""
    if len(some) == 1:
        return int(some[0]["records"])
    if any(one["record_ids"] is None for one in some):
        return None
    return len({record for one in some for record in one["record_ids"]})
