"""One record's way through a run: its steps, the events behind them, and whether the chain of causes holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from wave_runner.core.chain import Break, Line, Link, check
from wave_runner.errors import NotFoundError
from wave_runner.reports.errors import with_traceback
from wave_runner.reports.gone import must_be_there
from wave_runner.reports.work import Work, works
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A record in a run. `broken` is what the workflow ensures and does not hold."""

    run_id: int
    record_id: int
    collection: str
    key: str
    workflow: str
    state: str
    broken: list[str]
    correlation_id: UUID


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One step of the record: the timeline of monitoring."""

    interaction_id: int
    step: str
    actor: str
    state: str
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    service_us: int | None
    tokens_in: int | None
    tokens_out: int | None
    error_class: str | None
    rule: str | None
    error: str | None
    traceback: str | None  # if its script raised something in the last attempt


@dataclass(frozen=True, kw_only=True)
class Source:
    """Whose recorded answer it was: the attempt of an interaction in a run."""

    run_id: int
    interaction_id: int
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event, with what its data says about the attempt. `own` is false for those that led to the record.

    `values` are those that the rule of the route went by. `suspected` are the kinds of injection that its input may
    hold, by the input's name. `from_cache` is set where no model was asked.
    """

    event_id: int
    own: bool
    recorded_at: datetime
    type: str
    interaction_id: int
    seq: int
    cause: str
    step: str | None
    actor: str | None
    definition: str | None
    attempt: int | None
    suspected: dict[str, list[str]] | None
    route: str | None
    values: dict[str, Any]
    to: tuple[str, ...]  # the steps that it leads to, `end` included; none where it leads nowhere
    service_us: int | None
    from_cache: Source | None
    wave_id: int | None
    runner_id: UUID | None
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A record's flow. The chain is unbroken when `breaks` is empty.

    `works` are its steps with all that they did their work with, in the order of the timeline.
    """

    flow: Flow
    timeline: list[Moment]
    works: list[Work]
    events: list[Event]
    breaks: list[Break]

    @property
    def unbroken(self) -> bool:
        return not self.breaks


async def trace(database: Database, key: str, *, collections: Sequence[str], run_id: int | None = None) -> Trace:
    """Return a record's way through a run, its newest one by default.

    Raises `NotFoundError` if the record took part in none.
    """
    async with stored.snapshot(database) as connection:
        flow = await _flow(connection, key, collections, run_id)
        moments = await stored.timeline(connection, flow.run_id, flow.record_id)
        rows = await stored.chain(connection, flow.run_id, flow.record_id)
        ids = [row["interaction_id"] for row in moments]
        done = {one.interaction_id: one for one in await works(connection, flow.run_id, ids)}
    return Trace(
        flow=flow,
        works=[done[id] for id in ids if id in done],
        timeline=[Moment(**with_traceback(row)) for row in moments],
        events=[event(row) for row in rows if row["event_id"] is not None],
        breaks=check([_link(row) for row in rows if row["event_id"] is not None], _lines(rows)),
    )


def document(trace: Trace) -> dict[str, object]:
    """Return the trace as `wave.trace.v1` has it."""
    return {
        "record": trace.flow,
        "unbroken": trace.unbroken,
        "breaks": trace.breaks,
        "timeline": trace.timeline,
        "works": trace.works,
        "events": trace.events,
    }


async def _flow(connection: Connection, key: str, collections: Sequence[str], run_id: int | None) -> Flow:
    row = await stored.find_flow(connection, key, collections=collections, run_id=run_id)
    if row is None:
        where = f"run {run_id}" if run_id is not None else "any run"
        raise NotFoundError(
            f"no record {key!r} took part in {where}",
            hint="a row that staging rejected never became a record: wave status lists the rejections",
        )
    await must_be_there(connection, row["run_id"])
    return Flow(**{**row, "broken": json.loads(row["broken"] or "[]")})


def _lines(rows: Sequence[Row]) -> list[Line]:
    """Return the interactions of the chain, each once, in order of their first event."""
    lines = {
        row["interaction_id"]: Line(
            interaction_id=row["interaction_id"],
            newest=row["newest"],
            parent=_pair(row["parent_id"], row["parent_seq"]),
        )
        for row in rows
    }
    return list(lines.values())


def _link(row: Row) -> Link:
    return Link(
        event_id=row["event_id"],
        interaction_id=row["interaction_id"],
        seq=row["seq"],
        cause=_pair(row["cause_interaction_id"], row["cause_seq"]),
        data=row["data"],
        sha256=bytes(row["sha256"]),
    )


def _pair(interaction_id: int | None, seq: int | None) -> tuple[int, int] | None:
    return None if interaction_id is None or seq is None else (interaction_id, seq)


def event(row: Row) -> Event:
    """Return an event as `wave trace` shows it, from its row."""
    cause = _pair(row["cause_interaction_id"], row["cause_seq"])
    said = data_of(row["data"])
    return Event(
        event_id=row["event_id"],
        own=row["own"],
        recorded_at=row["recorded_at"],
        type=row["type"],
        interaction_id=row["interaction_id"],
        seq=row["seq"],
        cause="" if cause is None else f"{cause[0]}.{cause[1]}",
        step=row["step"],
        actor=row["actor"],
        definition=bytes(row["definition"]).hex() if row["definition"] is not None else None,
        attempt=said.get("attempt"),
        suspected=said.get("suspected"),
        route=said.get("route"),
        values=said.get("values") or {},
        to=tuple(said.get("to", ())),
        service_us=said.get("service_us"),
        from_cache=_source(said.get("from_cache")),
        wave_id=row["wave_id"],
        runner_id=row["runner_id"],
        sha256=bytes(row["sha256"]).hex(),
    )


def _source(said: dict[str, Any] | None) -> Source | None:
    if said is None:
        return None
    return Source(run_id=int(said["run"]), interaction_id=int(said["interaction"]), attempt=said["attempt"])


def data_of(data: str) -> dict[str, Any]:
    """Return an event's data. Text that somebody broke says nothing; the check of the chain reports it."""
    try:
        said = json.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
