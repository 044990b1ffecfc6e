"""Old months of history, and how they go: ranges of runs, each with all its partitions in one transaction.

What goes is named before by events, by its places in the log. Entries, tiles and checkpoints stay: whoever verifies the
log knows then that events are gone because two people have said so, and not because somebody took them away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg

from wave_runner.core.drop import batches
from wave_runner.core.event import EventType
from wave_runner.errors import ConflictError
from wave_runner.store import events
from wave_runner.store.database import Connection, Database, Row, fetch

LOCK_MS = 300
"""So long it may wait for each of its locks: everybody waits behind it, so it gives up and comes again."""
CLOSE_MS = 5_000
LONGEST_S = 600.0
"""So long one statement may take that counts the rows of a month, or drops it."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """The runs of a month that can be dropped, and what lies in them. Bytes are those on the disk, indexes included.

    The runs are those from `first_run` on and before `following`. Their events stand in the log between
    `first_index` and `last_index`, among others; both are None where there are none. `undecided` are staged rows that
    nobody has decided about, `answers_given_later` results of later runs that were answered by a call of these.
    """

    first_run: int
    following: int
    month: date
    ordered: bool
    runs: int
    records: int
    interactions: int
    events: int
    value_writes: int
    undecided: int
    answers_given_later: int
    bytes: int
    first_index: int | None
    last_index: int | None


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What keeps a range from being dropped: `n` runs, records or events, and the first of them."""

    first_run: int
    why: str
    n: int
    first: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that nobody has agreed to yet."""

    drop_id: UUID
    before: date
    basis: str
    basis_nonce: bytes
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, kw_only=True)
class Due:
    """A range that is to go and has not. `signed`: the signed log says in full what goes, so that it may."""

    first_run: int
    following: int
    month: date
    drop_id: UUID
    requested_by: str
    approved_by: str
    signed: bool


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A request with what has become of it: of `ranges` that are to go, so many are `dropped`."""

    drop_id: UUID
    before: date
    basis: str
    requested_by: str
    requested_at: datetime
    withdrawn_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    first_run: int | None
    last_run: int | None
    ranges: int
    dropped: int
    dropped_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Gone:
    """Runs of one range whose history is gone, so many from the first to the last, and by whose order."""

    first_run: int
    last_run: int
    runs: int
    dropped_at: datetime
    requested_by: str
    approved_by: str

    def __str__(self) -> str:
        of = f"run {self.first_run}" if self.runs == 1 else f"{self.runs} runs, {self.first_run} to {self.last_run},"
        when = f"{self.dropped_at:%Y-%m-%d}"
        return f"the history of {of} was dropped on {when}: {self.requested_by} asked for it, {self.approved_by} agreed"


async def this_month(connection: Connection) -> date:
    """Return the first day of the month, by the database's clock in UTC."""
    found: date = (await fetch(connection, "drops/this_month"))[0]["month"]
    return found


async def ranges(connection: Connection, before: date) -> list[Range]:
    """Return the ranges of months that began earlier and are there still, but for the newest of all."""
    connection.allow(LONGEST_S)
    return [Range(**row) for row in await fetch(connection, "drops/ranges", {"before": before})]


async def reasons(connection: Connection, of: Sequence[int]) -> list[Reason]:
    """Return what keeps ranges, by their first runs, from being dropped."""
    connection.allow(LONGEST_S)
    return [Reason(**row) for row in await fetch(connection, "drops/reasons", {"ranges": list(of)})]


async def lock(connection: Connection) -> None:
    """Keep everybody from beginning a run or placing a hold until the transaction ends."""
    await fetch(connection, "drops/lock")
    await fetch(connection, "holds/lock")


async def close(connection: Connection, of: Sequence[int]) -> None:
    """Let nobody say anything more of the runs of ranges, by their first runs, once these are ordered to go.

    Raises `ConflictError` where somebody is just saying something for longer than a moment.
    """
    await fetch(connection, "session/limit", {"statement": f"{LONGEST_S:.0f}s", "lock": f"{CLOSE_MS}ms"})
    try:
        await fetch(connection, "drops/close", {"ranges": list(of)})
    except psycopg.errors.LockNotAvailable as error:
        message = "somebody is at work on the events of these months"
        raise ConflictError(message, hint="wait until it has ended, then again: wave audit drop --approve") from error


async def request(connection: Connection, before: date, *, basis: str, nonce: bytes, by: str) -> UUID | None:
    """Put a request down; None where one is open already."""
    rows = await fetch(connection, "drops/request", {"before": before, "basis": basis, "nonce": nonce, "by": by})
    return rows[0]["drop_id"] if rows else None


async def withdraw(connection: Connection) -> UUID | None:
    """Take the open request back; None where none is open."""
    rows = await fetch(connection, "drops/withdraw")
    return rows[0]["drop_id"] if rows else None


async def open_request(connection: Connection) -> Request | None:
    """Return the open request."""
    rows = await fetch(connection, "drops/open")
    return Request(**{**rows[0], "basis_nonce": bytes(rows[0]["basis_nonce"])}) if rows else None


async def order(
    connection: Connection, asked: Request, of: Sequence[Range], *, by: str, data: Mapping[str, Any]
) -> None:
    """Let ranges go: nothing of them is begun again, and events say where in the log theirs stand."""
    given = {"drop_id": asked.drop_id, "by": by, "ranges": [one.first_run for one in of]}
    await fetch(connection, "drops/approve", given)
    for one in of:
        place = {"first_run": one.first_run, "following": one.following}
        stretches = [(row["first"], row["behind"]) for row in await fetch(connection, "drops/spans", place)]
        for gone in batches(stretches):
            said = {**data, "first_run": one.first_run, "last_run": one.following - 1, "gone": gone}
            await events.append(connection, EventType.DROP_ORDERED, said, correlation_id=asked.drop_id)


async def due(connection: Connection) -> list[Due]:
    """Return what is to go and has not, the oldest first."""
    return [Due(**row) for row in await fetch(connection, "drops/due")]


async def forget_answers(connection: Connection, one: Due) -> None:
    """Have nobody answered any more by what was recorded in a range: it would be an answer that nobody can look up."""
    connection.allow(LONGEST_S)
    await fetch(connection, "drops/forget_answers", {"first_run": one.first_run, "following": one.following})


async def prepare(connection: Connection, one: Due) -> dict[str, int] | None:
    """Forget what is folded of a range, and return how much is in it; None if somebody else is at it.

    No hold can be placed, and nobody folds, until the transaction ends.
    """
    place = {"first_run": one.first_run, "following": one.following}
    if not await fetch(connection, "drops/lock_range", place):
        return None
    await fetch(connection, "holds/lock")
    await fetch(connection, "drops/lock_copies")
    connection.allow(LONGEST_S)
    for name in ("drops/forget_states", "drops/forget_counts"):
        await fetch(connection, name, place)
    return dict((await fetch(connection, "drops/counts", place))[0])


async def drop(connection: Connection, one: Due) -> bool:
    """Drop the partitions of a range. False where somebody is at work in them just now: nothing is changed then."""
    connection.allow(LONGEST_S)
    try:
        async with connection.transaction():
            await fetch(connection, "session/limit", {"statement": f"{LONGEST_S:.0f}s", "lock": f"{LOCK_MS}ms"})
            await fetch(connection, "drops/drop_range", {"first_run": one.first_run})
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True


async def note_dropped(connection: Connection, one: Due, rows: Mapping[str, int]) -> None:
    """Say that a range is gone, in the transaction in which it goes."""
    data: Row = {
        "drop": str(one.drop_id),
        "requested_by": one.requested_by,
        "approved_by": one.approved_by,
        "first_run": one.first_run,
        "last_run": one.following - 1,
        "rows": dict(rows),
    }
    await events.append(connection, EventType.HISTORY_DROPPED, data, correlation_id=one.drop_id)


async def requests(database: Database) -> list[Drop]:
    """Return every request there was, the newest first."""
    return [Drop(**row) for row in await database.fetch("drops/list")]


async def gone(connection: Connection, *, run_id: int | None = None, record_id: int | None = None) -> list[Gone]:
    """Return the runs whose history is gone, the oldest first: all, one of them, or those that a record was in."""
    return [Gone(**row) for row in await fetch(connection, "drops/gone", {"run_id": run_id, "record_id": record_id})]
