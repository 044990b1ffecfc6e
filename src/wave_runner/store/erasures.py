"""What is kept of a record, and its erasure: everything in one transaction, so that nobody ever sees half of it.

What contents were is named by the events of the erasure, by their commitments: whoever verifies the log knows then that
they are gone because two people have said so, and not because somebody took them away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from wave_runner.core.erasure import batches
from wave_runner.core.event import EventType
from wave_runner.core.value_write import ValueWrite
from wave_runner.errors import ConflictError
from wave_runner.store import events, settling
from wave_runner.store.control import Scope
from wave_runner.store.database import Connection, Database, Row, fetch

ERASED = "erased"
"""What stands where a text has to stand and is gone."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A record, with who wants it erased (`requested_by`) and who forbids it (`held_by`); None where nobody does."""

    record_id: int
    collection: str
    key: str
    erasure_id: UUID | None
    requested_by: str | None
    requested_at: datetime | None
    basis: str | None
    held_by: str | None
    held_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Request:
    """An open request."""

    erasure_id: UUID
    requested_by: str
    basis: str
    basis_nonce: bytes


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """A request with what has become of it. `key` is what the record is called now."""

    erasure_id: UUID
    collection: str
    key: str
    basis: str
    requested_by: str
    requested_at: datetime
    withdrawn_at: datetime | None
    approved_by: str | None
    erased_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A record of which nothing may be erased."""

    collection: str
    key: str
    reason: str
    placed_by: str
    placed_at: datetime


async def find(connection: Connection, key: str, *, collection: str | None) -> list[Known]:
    """Return the records with a key: one, unless several collections have it."""
    rows = await fetch(connection, "erasures/find", {"key": key, "collection": collection})
    return [Known(**row) for row in rows]


async def counts(connection: Connection, record_id: int) -> dict[str, int]:
    """Return how much there is to erase of a record, by table; `live` is how much of it is not finished."""
    [row] = await fetch(connection, "erasures/counts", {"record_id": record_id})
    return dict(row)


async def speaking_of(connection: Connection, key: str) -> dict[str, int]:
    """Return how much there is, by table, that belongs to no record and has this key in it."""
    [row] = await fetch(connection, "erasures/speaking_of", {"key": key})
    return dict(row)


async def lock(connection: Connection, record_id: int) -> None:
    """Keep everybody from taking a record up, and from ordering anything about it, until the transaction ends."""
    await fetch(connection, "erasures/lock", {"record_id": record_id})


async def held_by(connection: Connection, record_id: int) -> str | None:
    """Return who has placed a hold on a record."""
    rows = await fetch(connection, "holds/of_record", {"record_id": record_id})
    return rows[0]["placed_by"] if rows else None


async def held_through(connection: Connection, record_id: int) -> dict[str, str]:
    """Return the keys of held records that were given recorded answers of this one, with who has placed the hold."""
    rows = await fetch(connection, "holds/through", {"record_id": record_id})
    return {row["key"]: row["placed_by"] for row in rows}


async def lock_holds(connection: Connection) -> None:
    """Keep everybody from placing or releasing a hold until the transaction ends."""
    await fetch(connection, "holds/lock")


async def request(connection: Connection, record_id: int, *, basis: str, nonce: bytes, by: str) -> UUID | None:
    """Put a request down; None where one is open already."""
    given = {"record_id": record_id, "basis": basis, "nonce": nonce, "by": by}
    rows = await fetch(connection, "erasures/request", given)
    return rows[0]["erasure_id"] if rows else None


async def withdraw(connection: Connection, record_id: int) -> UUID | None:
    """Take the open request back; None where none is open."""
    rows = await fetch(connection, "erasures/withdraw", {"record_id": record_id})
    return rows[0]["erasure_id"] if rows else None


async def open_request(connection: Connection, record_id: int) -> Request | None:
    """Return the open request of a record."""
    rows = await fetch(connection, "erasures/open", {"record_id": record_id})
    return Request(**{**rows[0], "basis_nonce": bytes(rows[0]["basis_nonce"])}) if rows else None


async def unfinished(connection: Connection, record_id: int) -> Scope:
    """Return the steps in which work of a record is not finished."""
    rows = await fetch(connection, "erasures/scope", {"record_id": record_id})
    return Scope(
        run_ids=tuple(sorted({row["run_id"] for row in rows})),
        run_step_ids=tuple(row["run_step_id"] for row in rows),
        record_id=record_id,
    )


async def still_coming(connection: Connection, record_id: int) -> list[int]:
    """Return the runs that have promoted a record and not come to it yet."""
    return [row["run_id"] for row in await fetch(connection, "erasures/still_coming", {"record_id": record_id})]


async def lock_work(connection: Connection, record_id: int) -> int:
    """Lock what a record has been through, and return how much of it is not finished."""
    [row] = await fetch(connection, "erasures/lock_work", {"record_id": record_id})
    return int(row["unfinished"])


async def erase(connection: Connection, known: Known, asked: Request, *, by: str, new_key: str, data: Row) -> Row:
    """Erase what is kept of a record that is locked, all its work finished. Returns how much was erased, by table.

    `data` goes into its events, which name what is gone by its commitments. Raises `ConflictError` where a value write
    was tampered with in such a way that it has none.
    """
    given = {"record_id": known.record_id, "key": known.key, "new_key": new_key}
    for row in await fetch(connection, "erasures/unsettled", given):
        await settling.settle(connection, row["run_id"], {known.record_id: [ERASED]}, runner_id=None)
    contents = await fetch(connection, "erasures/contents", given)
    payloads = await fetch(connection, "erasures/payloads", given)
    writes = await _erase_value_writes(connection, given)
    [rest] = await fetch(connection, "erasures/rest", given)
    await fetch(connection, "erasures/finish", {**given, "erasure_id": asked.erasure_id, "by": by})
    await _say_what(connection, [*contents, *payloads, *writes], data)
    erased = {"contents": len(contents), "payloads": len(payloads), "value_writes": len(writes), **rest}
    await events.append(
        connection, EventType.RECORD_ERASED, {**data, "erased": erased}, correlation_id=asked.erasure_id
    )
    return erased


async def _erase_value_writes(connection: Connection, given: Row) -> list[Row]:
    rows = await fetch(connection, "erasures/value_writes", given)
    gone = [
        {
            "run_id": row["run_id"],
            "correlation_id": row.pop("correlation_id"),
            "commitment": _commitment(ValueWrite(*row.values())),
        }
        for row in rows
    ]
    emptied = {"run_ids": [row["run_id"] for row in rows], "value_write_ids": [row["value_write_id"] for row in rows]}
    commitments = [row["commitment"] for row in gone]
    await fetch(connection, "erasures/empty_value_writes", {**emptied, "commitments": commitments})
    return gone


def _commitment(write: ValueWrite) -> str:
    try:
        return write.commitment()
    except ValueError as error:
        raise ConflictError(
            f"nothing can have committed to it ({error}), so no event can name what would be gone: {write}",
            hint="something was tampered with, and `wave audit verify` says more",
        ) from error


async def _say_what(connection: Connection, gone: Sequence[Row], data: Mapping[str, Any]) -> None:
    """Name what is gone, flow by flow: so a flow can be shown whole without anything of another one."""
    for (run_id, correlation_id), commitments in batches(
        ((row["run_id"], row["correlation_id"]), row["commitment"]) for row in gone
    ):
        await events.append(
            connection,
            EventType.PAYLOAD_ERASED,
            {**data, "commitments": commitments},
            run_id=run_id,
            correlation_id=correlation_id,
        )


async def place_hold(connection: Connection, record_id: int, *, reason: str, nonce: bytes, by: str) -> bool:
    """Let nothing of a record be erased. False where somebody has said so already."""
    given = {"record_id": record_id, "reason": reason, "nonce": nonce, "by": by}
    return bool(await fetch(connection, "holds/place", given))


async def release_hold(connection: Connection, record_id: int) -> bool:
    """Let it be erased again. False where nobody has placed a hold."""
    return bool(await fetch(connection, "holds/release", {"record_id": record_id}))


async def flows(connection: Connection, record_id: int) -> list[str]:
    """Return the correlation ids of a record's newest flows, at most a hundred."""
    return [row["flow"] for row in await fetch(connection, "holds/flows", {"record_id": record_id})]


async def requests(database: Database) -> list[Erasure]:
    """Return every request there was, the newest first."""
    return [Erasure(**row) for row in await database.fetch("erasures/list")]


async def holds(database: Database) -> list[Hold]:
    """Return the holds that stand."""
    return [Hold(**row) for row in await database.fetch("holds/list")]


async def unsigned(connection: Connection, size: int) -> set[str]:
    """Return the commitments of what is erased by events that the log of this size does not hold yet."""
    return {row["commitment"] for row in await fetch(connection, "erasures/unsigned", {"size": size})}
