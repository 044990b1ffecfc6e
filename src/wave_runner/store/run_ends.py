"""The end of a run: what it has come to, and the one statement that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import orjson

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType
from wave_runner.core.tally import NUMBERS, Alert, Tally
from wave_runner.core.vanishing import DEFAULT_SHARE
from wave_runner.store import events, run_counts, vanishing
from wave_runner.store.database import Connection, Database, Row, fetch


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run that has just ended: its state, how many records have what their workflow ensures, and what is missing."""

    run_id: int
    state: str
    completed: int
    incomplete: int
    broken_once: int
    undecided: int  # staged rows that nobody promoted or rejected


@dataclass(frozen=True, kw_only=True)
class AtEnd:
    """A run of which nothing lives any more: its numbers, and what they are compared with."""

    tally: Tally
    outputs: Mapping[str, Any]  # of the steps that ran once, by name
    selects: bool
    cancelled: bool
    narrowed: bool  # by a limit or a filter
    earlier: Sequence[int]  # completed records of like runs, the newest first


async def at_end(database: Database, run_id: int) -> AtEnd | None:
    """Return what a run has come to; None while something of it lives, or if it has ended before."""
    async with database.transaction() as connection:
        rows = await fetch(connection, "runs/tally", {"run_id": run_id})
        if not rows:
            return None
        row = rows[0]
        outputs = await fetch(connection, "runs/once_outputs", {"run_id": run_id})
        return AtEnd(
            tally=Tally(**{name: row[name] for name in NUMBERS}),
            outputs={one["step"]: orjson.loads(one["output"]) for one in outputs},
            selects=row["selects"],
            cancelled=row["cancelled"],
            narrowed=row["record_limit"] is not None or row["filtered"],
            earlier=row["earlier"],
        )


async def end(
    database: Database,
    run_id: int,
    *,
    broken: Sequence[str],
    alerts: Sequence[Alert],
    targets: run_counts.Targets,
    hold_above: float = DEFAULT_SHARE,
    runner_id: UUID,
) -> Ended | None:
    """End a run if nothing of it lives any more; None if something does, or if it has ended before.

    `broken` are the conditions on the run that do not hold, `alerts` what is odd about it. What its source has no more
    vanishes now, if more than `hold_above` of what it had is not gone at once.
    """
    async with database.transaction() as connection:
        await fetch(connection, "runs/lock", {"run_id": run_id})
        verdict = dumps(list(broken)).decode() if broken else None
        rows = await fetch(connection, "runs/end", {"run_id": run_id, "broken": verdict})
        if not rows:
            return None
        row = rows[0]
        ended = Ended(**{name: row[name] for name in Ended.__dataclass_fields__})
        await run_counts.complete(connection, run_id, targets)
        await _say(connection, row, TYPES[ended.state], _data(ended, row, broken), runner_id=runner_id)
        if ended.state != "cancelled" and not (broken or ended.broken_once or ended.undecided):
            of = {"correlation_id": row["correlation_id"], "runner_id": runner_id}
            await vanishing.settle(connection, run_id, hold_above=hold_above, **of)
        for alert in alerts:
            await fetch(connection, "alerts/raise", {"run_id": run_id, "kind": alert.kind, "message": alert.message})
            await _say(connection, row, EventType.ALERT_RAISED, {"kind": alert.kind}, runner_id=runner_id)
        return ended


TYPES = {
    "completed": EventType.RUN_COMPLETED,
    "failed": EventType.RUN_FAILED,
    "cancelled": EventType.RUN_CANCELLED,
}


def _data(ended: Ended, row: Row, broken: Sequence[str]) -> dict[str, Any]:
    numbers = {name: value for name, value in asdict(ended).items() if name not in ("run_id", "state")}
    why = {"reason": row["reason"], "postconditions": len(broken)} if row["reason"] else {}
    return numbers | why


async def _say(connection: Connection, row: Row, type_: EventType, data: Mapping[str, Any], *, runner_id: UUID) -> None:
    correlation_id = row["correlation_id"]
    await events.append(
        connection, type_, data, run_id=row["run_id"], correlation_id=correlation_id, runner_id=runner_id
    )
