"""Notices: which alerts were raised and settled, and which of that a receiver outside has been told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wave_runner.core.event import EventType
from wave_runner.core.notice import Alert
from wave_runner.store import events
from wave_runner.store.database import Connection, Database, fetch


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A notice that this runner is to send. `attempts` counts this one, and is the fence behind it."""

    notice_id: UUID
    settles: UUID | None
    kind: str
    subject: str
    since: datetime
    message: str
    made_at: datetime
    attempts: int
    age_s: float


async def begin(database: Database) -> None:
    """See to it that there is a row for whoever looks."""
    await database.fetch("notices/begin")


async def may_look(connection: Connection, *, every_s: float) -> bool:
    """Say whether it is time to look which alerts stand; nobody else does until this transaction ends."""
    return bool(await fetch(connection, "notices/look", {"every_s": every_s}))


async def compare(connection: Connection, standing: Sequence[Alert]) -> None:
    """Raise what stands and was not raised, and settle what was and stands no more: of these, and of runs."""
    given = {"kinds": [one.kind for one in standing], "subjects": [one.subject for one in standing]}
    more = {"since": [one.since for one in standing], "messages": [one.message for one in standing]}
    await fetch(connection, "notices/settle", given)
    await fetch(connection, "notices/settle_of_runs")
    await fetch(connection, "notices/raise", {**given, **more})
    await fetch(connection, "notices/raise_of_runs")


async def claim(database: Database, *, hold_s: float) -> Claimed | None:
    """Take the notice that has been due for longest, for so long; None where none is due."""
    rows = await database.fetch("notices/claim", {"hold_s": hold_s})
    return Claimed(**rows[0]) if rows else None


async def note_sent(database: Database, one: Claimed, *, runner_id: UUID) -> None:
    """Note that a notice was taken: an event, once."""
    async with database.transaction() as connection:
        if await fetch(connection, "notices/note_sent", {"notice_id": one.notice_id}):
            await _say(connection, EventType.NOTICE_SENT, one, runner_id)


async def put_off(database: Database, one: Claimed, trouble: str, *, pause_s: float) -> None:
    """Note why an attempt has failed; the next may be made after so long."""
    given = {"notice_id": one.notice_id, "attempts": one.attempts, "trouble": trouble, "pause_s": pause_s}
    await database.fetch("notices/put_off", given)


async def give_up(database: Database, one: Claimed, trouble: str, *, runner_id: UUID) -> bool:
    """Note that a notice is not sent any more: an event. False if another runner has it by now."""
    given = {"notice_id": one.notice_id, "attempts": one.attempts, "trouble": trouble}
    async with database.transaction() as connection:
        given_up = bool(await fetch(connection, "notices/give_up", given))
        if given_up:
            await _say(connection, EventType.NOTICE_GIVEN_UP, one, runner_id)
        return given_up


async def _say(connection: Connection, type: EventType, one: Claimed, runner_id: UUID) -> None:
    data = {
        "notice": str(one.notice_id),
        "kind": one.kind,
        "subject": one.subject,
        "says": "raised" if one.settles is None else "settled",
        "attempts": one.attempts,
    }
    await events.append(connection, type, data, runner_id=runner_id)
