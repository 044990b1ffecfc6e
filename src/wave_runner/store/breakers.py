"""Circuit breakers as all runners share them. Each change of position is an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from wave_runner.core.breaker import FIRST_PAUSE_S, Breaker, Position, after_failure
from wave_runner.core.event import EventType
from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.store import events
from wave_runner.store.database import Connection, Database, fetch

REASON_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class Of:
    """Whose breaker it is: a server by its name, or a model by that of its actor."""

    kind: Outage
    name: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A server or a model that has failed last. `is_due`: it may be asked, or, where its breaker is open, tried."""

    of: Of
    position: Position
    is_due: bool
    trips: int
    error_class: ErrorClass
    reason: str


async def failed(
    database: Database, of: Of, failure: Failure, *, grave: bool, runner_id: UUID, chance: float
) -> Breaker:
    """Count a failure and return the breaker after it. `grave` opens it at once."""
    key = {"kind": of.kind, "name": of.name}
    async with database.transaction() as connection:
        row = (await fetch(connection, "breakers/lock", key))[0]
        before = Breaker(position=Position(row["position"]), failures=row["failures"], trips=row["trips"])
        after = after_failure(before, grave=grave, probe=row["probe_by"] == runner_id, chance=chance)
        given = {
            **key,
            "failures": after.failures,
            "error_class": failure.error_class,
            "reason": failure.message[:REASON_CHARACTERS],
        }
        if after.trips == before.trips:
            await fetch(connection, "breakers/count", given)
            return after
        await fetch(connection, "breakers/open", {**given, "trips": after.trips, "pause_s": after.pause_s})
        data: dict[str, str | int] = {
            "failures": after.failures,
            "trips": after.trips,
            "pause_us": int(after.pause_s * 1_000_000),
            "error_class": str(failure.error_class),
        }
        await _say(connection, EventType.BREAKER_OPENED, of, data, runner_id=runner_id)
        return after


async def worked(database: Database, of: Of, *, runner_id: UUID) -> None:
    """Close a breaker: whoever it speaks of has answered. Nothing happens where nothing was wrong."""
    async with database.transaction() as connection:
        rows = await fetch(connection, "breakers/close", {"kind": of.kind, "name": of.name})
        if rows and rows[0]["was"] != Position.CLOSED:
            await _say(connection, EventType.BREAKER_CLOSED, of, {}, runner_id=runner_id)


async def probe(database: Database, of: Of, *, runner_id: UUID, probe_s: float, lease_s: float) -> bool:
    """Take it upon oneself to try an open breaker whose time has come, for so long. False if another runner does."""
    given = {"kind": of.kind, "name": of.name, "runner_id": runner_id, "probe_s": probe_s, "lease_s": lease_s}
    async with database.transaction() as connection:
        if not await fetch(connection, "breakers/probe", given):
            return False
        await _say(connection, EventType.BREAKER_HALF_OPENED, of, {}, runner_id=runner_id)
        return True


async def give_up(database: Database, of: Of, *, runner_id: UUID) -> None:
    """Let somebody else try: nothing has come of it that would say how the server or the model does."""
    given = {"kind": of.kind, "name": of.name, "runner_id": runner_id, "pause_s": FIRST_PAUSE_S}
    await database.fetch("breakers/give_up", given)


async def _say(
    connection: Connection, type: EventType, of: Of, data: Mapping[str, str | int], *, runner_id: UUID
) -> None:
    await events.append(connection, type, {"kind": str(of.kind), "name": of.name, **data}, runner_id=runner_id)
