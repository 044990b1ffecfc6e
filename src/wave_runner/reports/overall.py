"""How a run stands as a whole: its records, its interactions, its staged rows, what its models did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wave_runner.errors import NotFoundError
from wave_runner.reports import live
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row
    from wave_runner.store.run_sums import Sums


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run itself. `seconds` is how long it took, or has taken so far."""

    run_id: int
    kind: str  # run, or which experiment it is
    workflow: str
    state: str
    reason: str | None  # why it has failed
    paused_by: str | None  # who has paused it, or its workflow
    cancelled_by: str | None
    broken: Sequence[str]  # its conditions on the run that do not hold
    params: Mapping[str, Any]
    record_limit: int | None
    canary: int | None  # so many records go first
    canary_verdict: str | None  # None: they are not through yet
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Records:
    """Records of the run. `ended` ones have no work left and wait for their verdict; `completed` is a verdict."""

    total: int
    live: int
    ended: int
    completed: int
    incomplete: int


@dataclass(frozen=True, kw_only=True)
class Staging:
    """Staged rows of the run by what has become of them."""

    total: int
    waiting: int
    promoted: int
    updated: int
    unchanged: int
    rejected: int
    revalidated: int
    rolled_back: int


@dataclass(frozen=True, kw_only=True)
class Selected:
    """What a run's `select` has found so far: begun (`again`: of these, the last flow was incomplete), or left out.

    `left_incomplete` would come out as they did: neither their rows nor the workflow have changed. `erased` are rows of
    the project's own table that refer to a record which was erased.
    """

    total: int
    begun: int
    again: int
    unchanged: int
    left_incomplete: int
    under_way: int
    vanished: int
    erased: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Interactions of the run by state; a state that has none is left out."""

    total: int
    by_state: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class FromCache:
    """Answers that were recorded already: how many calls of models they saved, and what those would have taken."""

    answers: int
    tokens: int
    service_us: int


@dataclass(frozen=True, kw_only=True)
class Overall:
    """The first query: one run at a glance, at the moment `as_of` of the database's clock.

    Of a large run that is under way the records, the staging, the calls and what came from the cache are as they were
    counted at `counted_at`; None: all of it is of now.
    """

    as_of: datetime
    counted_at: datetime | None
    run: Run
    records: Records
    staging: Staging
    selected: Selected | None  # None: its records come from staging
    interactions: Interactions
    model_loads: int
    model_load_us: int
    model_calls: int
    from_cache: FromCache


async def overall(connection: Connection, run_id: int, sums: Sums) -> Overall:
    """Return how a run stands. Raises `NotFoundError` if there is no such run."""
    row = await stored.overall(connection, run_id)
    if row is None:
        raise NotFoundError(f"there is no run {run_id}", hint="wave status shows the newest run")
    loads = await stored.model_loads(connection, run_id)
    return Overall(
        as_of=row["as_of"],
        counted_at=sums.counted_at,
        run=Run(**{name: row[name] for name in Run.__dataclass_fields__} | _read(row)),
        records=Records(**sums.records),
        staging=Staging(**sums.staged),
        selected=_selected(row),
        interactions=_interactions(await live.counts(connection, run_id)),
        model_loads=loads["loads"],
        model_load_us=loads["load_us"],
        model_calls=model_calls(sums.work),
        from_cache=from_cache(sums.work),
    )


def model_calls(work: Sequence[Row]) -> int:
    """Return how often models were asked: an answer that was recorded already is no call."""
    return sum(row["attempts"] - row["answers"] for row in work if row["kind"] == "ai_model")


def from_cache(saved: Sequence[Row]) -> FromCache:
    """Return what the answers have saved that were recorded already."""
    answers, tokens, service_us = (sum(row[name] for row in saved) for name in ("answers", "saved_tokens", "saved_us"))
    return FromCache(answers=answers, tokens=tokens, service_us=service_us)


def _read(row: Row) -> dict[str, Any]:
    return {"params": json.loads(row["params"]), "broken": json.loads(row["broken"] or "[]")}


SELECTED = ("begun", "again", "unchanged", "left_incomplete", "under_way", "vanished", "erased")


def _selected(row: Row) -> Selected | None:
    if row["begun"] is None:
        return None
    counts = {name: row["selected_unchanged" if name == "unchanged" else name] for name in SELECTED}
    total = sum(counts.values()) - counts["again"]
    return Selected(total=total, error=row["selection_error"], **counts)


def _interactions(counts: list[live.StepCount]) -> Interactions:
    by_state: dict[str, int] = {}
    for count in counts:
        by_state[count.state] = by_state.get(count.state, 0) + count.n
    return Interactions(total=sum(by_state.values()), by_state=dict(sorted(by_state.items())))
