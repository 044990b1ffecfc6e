"""Orders: work is paused, resumed and cancelled, runners are told what to do. Each is an event with its author.

Nothing that is paused or cancelled can be claimed from the moment of the order on, whatever runner asks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from wave_runner.core.control import Subject, Told
from wave_runner.core.event import EventType, data_text
from wave_runner.core.flow import Place, Settled
from wave_runner.core.interaction import State
from wave_runner.store import events, interactions, joins
from wave_runner.store.database import Connection, Database, Row, fetch
from wave_runner.store.run_flow import FlowOf

CHUNK = 2000

PAUSE = {
    Subject.RUN: "control/pause_run",
    Subject.WORKFLOW: "control/pause_workflow",
    Subject.ACTOR: "control/pause_actor",
}
RESUME = {
    Subject.RUN: "control/resume_run",
    Subject.WORKFLOW: "control/resume_workflow",
    Subject.ACTOR: "control/resume_actor",
}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The steps of runs that an order is about; of all records in them, or of one."""

    run_ids: tuple[int, ...]
    run_step_ids: tuple[int, ...]
    record_id: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        steps = {"run_ids": list(self.run_ids), "run_step_ids": list(self.run_step_ids)}
        return {**steps, "record_id": self.record_id}


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """How much of a step is not finished, in one state."""

    run_id: int
    step: str
    state: str
    n: int
    records: int


async def known(connection: Connection, subject: Subject) -> list[str]:
    """Return the names that a subject can have."""
    return [row["name"] for row in await fetch(connection, "control/known", {"subject": subject})]


async def pause(connection: Connection, subject: Subject, name: str, *, by: str) -> bool:
    """Let nothing more be begun. False if that is so already, or there is no such thing."""
    return await _say(connection, PAUSE[subject], EventType.PAUSED, subject, name, by=by)


async def resume(connection: Connection, subject: Subject, name: str, *, by: str) -> bool:
    """Let work be begun again. False if it is not paused."""
    resumed = await _say(connection, RESUME[subject], EventType.RESUMED, subject, name, by=by)
    if resumed:
        await fetch(connection, "interactions/unpark")
    if resumed and subject is Subject.RUN:
        await fetch(connection, "canaries/let_go", {"run_id": int(name)})
        for kind in ("canary_failed", "batch_stopped"):
            await fetch(connection, "alerts/withdraw", {"run_id": int(name), "kind": kind})
    return resumed


async def tell(connection: Connection, runner: str, told: Told, *, by: str) -> bool:
    """Tell a runner what to do. False if it was told so before, or there is no such runner."""
    if not await fetch(connection, "control/tell_runner", {"name": runner, "told": told}):
        return False
    data = {"told": str(told), "by": by}
    await events.append(connection, EventType.RUNNER_TOLD, data, runner_id=UUID(runner))
    return True


async def scope(connection: Connection, subject: Subject, name: str) -> Scope:
    """Return the steps that a subject has in runs that have not ended."""
    rows = await fetch(connection, "control/scope", {"subject": subject, "name": name})
    return Scope(
        run_ids=tuple(sorted({row["run_id"] for row in rows})), run_step_ids=tuple(row["run_step_id"] for row in rows)
    )


async def unfinished(connection: Connection, of: Scope) -> list[Unfinished]:
    """Return what is not finished, by run, step and state."""
    rows = await fetch(connection, "control/unfinished", of.parameters)
    return [Unfinished(**row) for row in rows]


async def held(database: Database, of: Scope) -> int:
    """Return how much is in somebody's hands at this moment."""
    return int((await database.fetch("control/held", of.parameters))[0]["n"])


async def park(database: Database) -> None:
    """Move work of runs that are held out of the way of those who claim."""
    await database.fetch("interactions/park", {"size": CHUNK})


async def cancel_runs(connection: Connection, run_ids: Sequence[int], *, by: str) -> None:
    """Let nothing more of these runs be begun; `cancel` then ends what is left of them."""
    for row in await fetch(connection, "control/cancel_runs", {"run_ids": list(run_ids), "by": by}):
        data = {"subject": str(Subject.RUN), "by": by}
        await events.append(
            connection, EventType.CANCELLED, data, run_id=row["run_id"], correlation_id=row["correlation_id"]
        )


async def overdue_runs(connection: Connection) -> list[int]:
    """Return the runs whose time is up."""
    return [row["run_id"] for row in await fetch(connection, "control/overdue_runs")]


async def cancelled_runs(database: Database) -> list[tuple[int, str]]:
    """Return the runs that are to end and have not ended, each with who has said so."""
    return [(row["run_id"], row["cancelled_by"]) for row in await database.fetch("control/cancelled_runs")]


async def cancel(
    database: Database,
    of: Scope,
    *,
    by: str,
    run_flow: FlowOf,
    runner_id: UUID | None = None,
) -> int:
    """End what is left of these steps, chunk by chunk. Returns how many were cancelled.

    What somebody is just claiming or recording is passed by: `unfinished` says whether anything is left.
    """
    total = 0
    while done := await _pass(database, of, by=by, run_flow=run_flow, runner_id=runner_id):
        total += done
    return total


@dataclass(frozen=True, kw_only=True)
class Broken:
    """How much of a step can be tried again, by what is wrong with it. `which` tells whether it is still the same."""

    run_id: int
    step: str
    state: str
    error_class: str | None
    rule: str | None
    n: int
    records: int
    which: str


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which of what is broken is meant; what is None does not matter."""

    step: str | None = None
    state: str | None = None
    error_class: str | None = None
    rule: str | None = None
    key: str | None = None

    @property
    def parameters(self) -> dict[str, str | None]:
        return {"state": self.state, "error_class": self.error_class, "rule": self.rule, "key": self.key}


Judge: TypeAlias = Callable[[Sequence[Broken]], None]
"""Raises where what there is behind the locks is not what somebody expects."""


async def retry_scope(connection: Connection, subject: Subject, name: str, which: Filter) -> Scope:
    """Return the steps of a subject whose broken work may be tried again."""
    rows = await fetch(connection, "control/retry_scope", {"subject": subject, "name": name, "step": which.step})
    return Scope(
        run_ids=tuple(sorted({row["run_id"] for row in rows})), run_step_ids=tuple(row["run_step_id"] for row in rows)
    )


async def retryable(connection: Connection, of: Scope, which: Filter) -> list[Broken]:
    """Return what can be tried again."""
    rows = await fetch(connection, "control/retryable", {**of.parameters, **which.parameters})
    return [Broken(**row) for row in rows]


async def retry(
    database: Database, of: Scope, which: Filter, *, by: str, run_flow: FlowOf, judge: Judge = lambda found: None
) -> int:
    """Try again what is broken, run by run and chunk by chunk; returns how much.

    `judge` is told what there is behind the locks of the runs, and raises where that is not to be. What it has seen is
    tried again and nothing else: not what has changed before its chunk comes. Each chunk stands by itself, its run
    reopened, the first with what was judged. Nothing is tried again of a run that somebody cancels meanwhile.
    """
    total = 0
    async with database.transaction() as connection:
        for run_id in of.run_ids:
            await fetch(connection, "runs/lock", {"run_id": run_id})
        judge(await retryable(connection, of, which))
        chunks = _chunks(await fetch(connection, "control/broken", {**of.parameters, **which.parameters}))
        for chunk in chunks[:1]:
            total += await retry_these(connection, chunk, said={"by": by}, run_flow=run_flow)
    for chunk in chunks[1:]:
        async with database.transaction() as connection:
            total += await retry_these(connection, chunk, said={"by": by}, run_flow=run_flow)
    return total


def _chunks(broken: Sequence[Row]) -> list[Sequence[Row]]:
    """Return it in chunks, each of one run."""
    by_run = (list(group) for _, group in itertools.groupby(broken, key=lambda row: row["run_id"]))
    return [rows[first : first + CHUNK] for rows in by_run for first in range(0, len(rows), CHUNK)]


async def retry_these(
    connection: Connection, chunk: Sequence[Row], *, said: Mapping[str, Any], run_flow: FlowOf
) -> int:
    """Try again what is still as it was chosen of a chunk, all of one run, and reopen that. Returns how much.

    `said` is what each event says of the order: who has given it, and the commitment to why, where that was asked for.
    """
    run_id = chunk[0]["run_id"]
    [locked] = await fetch(connection, "runs/lock", {"run_id": run_id})
    if locked["cancelled"]:
        return 0
    given = {"ids": [row["interaction_id"] for row in chunk], "seqs": [row["seq"] for row in chunk]}
    rows = await fetch(connection, "interactions/retry", {**given, "run_id": run_id, "data": data_text(said)})
    if not rows:
        return 0
    over = []
    for row in rows:
        run = await run_flow(connection, row["run_step_id"])
        where = Place(step=run.name_of(row["run_step_id"]), iteration=row["iteration"], item=row["item"])
        over.append(interactions.over_of(row, run, run.flow.follow(where, Settled.FAILED, ())))
    await joins.take_back(connection, over)
    records = [row for row in rows if row["record_id"] is not None]
    if records:
        ids = {"run_ids": [row["run_id"] for row in records], "record_ids": [row["record_id"] for row in records]}
        await fetch(connection, "run_records/reopen", ids)
    reopened = await fetch(connection, "runs/reopen", {"run_id": run_id})
    data = {**said, "interactions": len(rows), "reopened": bool(reopened)}
    await events.append(connection, EventType.RETRIED, data, run_id=run_id)
    return len(rows)


async def _pass(database: Database, of: Scope, *, by: str, run_flow: FlowOf, runner_id: UUID | None) -> int:
    """Go once through what there is: what follows from a chunk may be work again, for the next pass."""
    total, last = 0, (0, 0)
    while True:
        async with database.transaction() as connection:
            rows = await _chunk(connection, of, last, by=by, run_flow=run_flow, runner_id=runner_id)
        if not rows:
            return total
        total += len(rows)
        places = [(row["run_id"], row["interaction_id"]) for row in rows if row["was"] != State.WAITING]
        last = max(places, default=last)


async def _chunk(
    connection: Connection,
    of: Scope,
    after: tuple[int, int],
    *,
    by: str,
    run_flow: FlowOf,
    runner_id: UUID | None,
) -> list[Row]:
    withdrawn = await fetch(connection, "tasks/withdraw", {**of.parameters, "size": CHUNK})
    rows = await fetch(
        connection,
        "interactions/cancel",
        {
            **of.parameters,
            "given": [row["interaction_id"] for row in withdrawn],
            "after_run": after[0],
            "after": after[1],
            "size": CHUNK,
            "error": f"cancelled by {by}",
            "data": data_text({"by": by}),
            "runner_id": runner_id,
        },
    )
    await _spread(connection, rows, run_flow=run_flow, runner_id=runner_id)
    return rows


async def cancel_these(
    connection: Connection,
    run_id: int,
    ids: Sequence[int],
    *,
    by: str,
    said: Mapping[str, Any],
    run_flow: FlowOf,
) -> int:
    """Cancel interactions of a run whose locks the transaction holds, with what they ask of people. Returns how many.

    `said` is what each event says of the order, as of `retry_these`.
    """
    rows = await fetch(
        connection,
        "interactions/cancel",
        {
            **Scope(run_ids=(run_id,), run_step_ids=()).parameters,
            "given": list(ids),
            "after_run": 0,
            "after": 0,
            "size": 0,
            "error": f"cancelled by {by}",
            "data": data_text(said),
            "runner_id": None,
        },
    )
    await _spread(connection, rows, run_flow=run_flow, runner_id=None)
    return len(rows)


async def _spread(connection: Connection, rows: Sequence[Row], *, run_flow: FlowOf, runner_id: UUID | None) -> None:
    """Apply what follows from what was cancelled."""
    over = []
    for row in rows:
        run = await run_flow(connection, row["run_step_id"])
        place = Place(step=run.name_of(row["run_step_id"]), iteration=row["iteration"], item=row["item"])
        over.append(interactions.over_of(row, run, run.flow.follow(place, Settled.FAILED, ())))
    await joins.spread(connection, over, wave_id=None, runner_id=runner_id)


async def _say(
    connection: Connection, statement: str, type: EventType, subject: Subject, name: str, *, by: str
) -> bool:
    if not await fetch(connection, statement, {"name": name, "by": by}):
        return False
    data: dict[str, Any] = {"subject": str(subject), "by": by}
    if subject is not Subject.RUN:
        data["name"] = name
    await events.append(
        connection,
        type,
        data,
        run_id=int(name) if subject is Subject.RUN else events.NO_RUN,
        actor=name if subject is Subject.ACTOR else None,
    )
    return True
