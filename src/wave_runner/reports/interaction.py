"""One interaction: what went in, what came out, try by try, and what had led to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from wave_runner.core.cost import amount
from wave_runner.errors import NotFoundError
from wave_runner.reports.explain import Cause
from wave_runner.reports.interactions import ListedInteraction, run_of
from wave_runner.reports.trace import Event, data_of, event
from wave_runner.reports.work import Work, works
from wave_runner.store import provenance
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row

STARTED = "interaction_started"
WAITING = "interaction_waiting"  # people are asked: the try goes on


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is kept of an attempt: `role` is request, answer, server, log or error. `text` is None if it was erased."""

    role: str
    media_type: str
    text: str | None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try. `ended_by` is the type of the event that ended it; None: it is under way.

    `reason` is why its wave was opened. `cost` is that of its call of a model, None where it made none or a part of it
    is unknown; `fate` says what is known of that call.
    """

    attempt: int
    began_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    error_class: str | None
    rule: str | None
    service_us: int | None
    tokens_in: int | None
    tokens_out: int | None
    fate: str | None
    cost: Decimal | None
    currency: str | None
    wave_id: int | None
    reason: str | None
    runner_id: UUID | None
    evidence: list[Evidence]


@dataclass(frozen=True, kw_only=True)
class InteractionPage:
    """Everything about one interaction. `work` is what its last attempt did its work with, as far as that is recorded.

    `parent_id` is the interaction whose way has led here, `superseded_by_id` the one that has taken its place,
    `ready_at` when it may be tried again. `causes` are the events that have led to its newest one, the first one first.
    """

    run_id: int
    workflow: str
    interaction: ListedInteraction
    parent_id: int | None
    parent_step: str | None
    superseded_by_id: int | None
    ready_at: datetime | None
    erased: bool
    attempts: list[Attempt]
    work: Work | None
    causes: list[Cause]
    events: list[Event]


async def interaction(database: Database, interaction_id: int, *, run_id: int | None = None) -> InteractionPage:
    """Return everything about an interaction of a run, the newest run by default.

    Raises `NotFoundError` if the run has no such interaction.
    """
    async with stored.snapshot(database) as connection:
        chosen, workflow = await run_of(connection, run_id)
        row = await stored.interaction(connection, chosen, interaction_id)
        if row is None:
            raise NotFoundError(
                f"run {chosen} has no interaction {interaction_id}",
                hint=f"wave report interactions {chosen} lists those that it has",
            )
        events = await stored.interaction_events(connection, chosen, interaction_id)
        done = await works(connection, chosen, [interaction_id])
        return InteractionPage(
            run_id=chosen,
            workflow=workflow,
            interaction=ListedInteraction(**{name: row[name] for name in ListedInteraction.__dataclass_fields__}),
            **{name: row[name] for name in ("parent_id", "parent_step", "superseded_by_id", "ready_at", "erased")},
            attempts=await _attempts(connection, chosen, interaction_id, events),
            work=next((one for one in done if one.interaction_id == interaction_id), None),
            causes=await _causes(connection, chosen, row),
            events=[event(one) for one in events],
        )


async def _causes(connection: Connection, run_id: int, row: Row) -> list[Cause]:
    chain = await provenance.causes(connection, run_id, row["interaction_id"], row["seq"])
    return [
        Cause(
            event=f"{one['interaction_id']}.{one['seq']}",
            type=one["type"],
            step=one["step"],
            recorded_at=one["recorded_at"],
        )
        for one in chain
    ]


async def _attempts(connection: Connection, run_id: int, interaction_id: int, events: Sequence[Row]) -> list[Attempt]:
    calls = {one["attempt"]: one for one in await stored.interaction_calls(connection, run_id, interaction_id)}
    kept: dict[int, list[Evidence]] = {}
    for row in await stored.interaction_evidence(connection, run_id, interaction_id):
        text = bytes(row["content"]).decode("utf-8", "replace") if row["content"] is not None else None
        kept.setdefault(row["attempt"], []).append(Evidence(role=row["role"], media_type=row["media_type"], text=text))
    return [_attempt(began, ended, calls, kept) for began, ended in _tries(events)]


def _tries(events: Sequence[Row]) -> Iterator[tuple[Row, Row | None]]:
    """Yield how each try began, with the event that ended it."""
    for place, one in enumerate(events):
        if one["type"] == STARTED:
            yield one, next((later for later in events[place + 1 :] if later["type"] != WAITING), None)


def _attempt(began: Row, ended: Row | None, calls: dict[int, Row], kept: dict[int, list[Evidence]]) -> Attempt:
    number = int(data_of(began["data"]).get("attempt", 0))
    end = data_of(ended["data"]) if ended is not None else {}
    call: dict[str, Any] = calls.get(number, {})
    money = call.get("money")
    return Attempt(
        attempt=number,
        began_at=began["recorded_at"],
        ended_at=ended["recorded_at"] if ended is not None else None,
        ended_by=ended["type"] if ended is not None else None,
        **{name: end.get(name) for name in ("error_class", "rule", "service_us", "tokens_in", "tokens_out")},
        fate=call.get("fate"),
        cost=amount(money) if money is not None else None,
        currency=call.get("currency"),
        wave_id=began["wave_id"],
        reason=data_of(began["wave_data"]).get("reason") if began["wave_data"] is not None else None,
        runner_id=began["runner_id"],
        evidence=kept.get(number, []),
    )
