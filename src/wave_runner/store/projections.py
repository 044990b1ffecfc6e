"""Copies of projections: how far each has come, the next entries folded into it, and two of them compared.

A copy is advanced by whoever has the lock of its row in `projections`, in one transaction with its position: whatever
is killed, and whoever else tries, each entry is folded exactly once. Nothing here is read but what is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from psycopg import DataError, IntegrityError

from wave_runner.core.canonical import canonical
from wave_runner.core.event import FORM, EventType
from wave_runner.core.projection import NOT_BEGUN, RECORD_STATES, SETTLED_SHAPE, STATE_AFTER, Projection, Told, refusal
from wave_runner.store.database import Connection, Database, Row, fetch
from wave_runner.store.statements import statement

AT_ONCE = 20_000
"""Entries that one transaction folds, at most."""
CLEARED_AT_ONCE = 10_000
FOLD_OF: Mapping[str, str] = {RECORD_STATES.name: "projections/fold_record_states"}
END = 2**62  # of a log whose length is not asked for


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy of a projection; `stuck_because` is "" where it goes on. `size` is the length of the log."""

    projection_id: int
    name: str
    version: int
    code_sha256: bytes
    state: str
    position: int
    stuck_because: str
    stuck_since: datetime | None
    advanced_at: datetime
    verified_position: int | None
    verified_at: datetime | None
    digest: bytes | None
    diverged_since: datetime | None
    size: int

    @property
    def behind(self) -> int:
        """How many sealed entries it has not folded."""
        return self.size - self.position


@dataclass(frozen=True, kw_only=True)
class Step:
    """What an attempt to go on has come to: from where to where, and why no further; "" where nothing is in the way."""

    start: int
    position: int
    stuck_because: str

    @property
    def folded(self) -> int:
        """How many entries were folded."""
        return self.position - self.start


@dataclass(frozen=True, kw_only=True)
class Digest:
    """A copy in two numbers: of how many rows it consists, and a hash of them that no order changes."""

    rows: int
    sha256: bytes


@cache
def code_sha256(projection: Projection) -> bytes:
    """Return the hash of all that decides what a fold gives."""
    table = {str(type): str(state) for type, state in STATE_AFTER.items()}
    said = {"form": FORM, "shape": SETTLED_SHAPE, "statement": statement(FOLD_OF[projection.name]), "states": table}
    return hashlib.sha256(canonical(said)).digest()


def is_of(copy: Copy, projection: Projection) -> bool:
    """Say whether this program's fold is the one that the copy is made by."""
    return (copy.version, copy.code_sha256) == (projection.version, code_sha256(projection))


async def copies(database: Database) -> list[Copy]:
    """Return all copies that are read or being built."""
    return _copies(await database.fetch("projections/list"))


async def copies_in(connection: Connection) -> list[Copy]:
    """Return all copies as one transaction sees them."""
    return _copies(await fetch(connection, "projections/list"))


async def begin(database: Database, projection: Projection, state: str) -> None:
    """Let there be a copy in this state, `live` or `building`, unless there is one already."""
    await database.fetch("projections/begin", _named(projection) | {"state": state})


async def advance(database: Database, projection: Projection, projection_id: int, *, before: int = END) -> Step | None:
    """Fold the next entries, of those before an index. None if somebody else is at it, or it is of another fold."""
    async with database.transaction() as connection:
        return await advance_in(connection, projection, projection_id, before=before)


async def advance_in(
    connection: Connection, projection: Projection, projection_id: int, *, before: int = END
) -> Step | None:
    """Fold the next entries, as `advance` does, as a part of a transaction."""
    locked = await fetch(
        connection, "projections/lock", {"projection_id": projection_id, "code_sha256": code_sha256(projection)}
    )
    if not locked:
        return None
    start, was_stuck = locked[0]["position"], locked[0]["stuck"]
    fold = Fold(connection, projection, projection_id)
    position, refused, error = await fold.go_on(start, before, size=1 if was_stuck else AT_ONCE)
    if was_stuck and position > start:
        position, refused, error = await fold.go_on(position, before)
    if refused is not None and (skips := await _skips(connection, projection, refused)):
        fold.skips = skips
        position, refused, error = await fold.go_on(position, before)
    because = await _because(connection, refused, error) if refused is not None else ""
    if position != start or was_stuck != bool(because):
        moved = {"projection_id": projection_id, "from": start, "position": position, "because": because or None}
        await fetch(connection, "projections/advance", moved)
    return Step(start=start, position=position, stuck_because=because)


async def lock_both(connection: Connection, projection: Projection) -> tuple[Row, Row] | None:
    """Return the copy that is read and the one beside it, ours for the rest of the transaction; None if not free."""
    rows = {row["state"]: row for row in await fetch(connection, "projections/lock_both", {"name": projection.name})}
    return (rows["live"], rows["building"]) if len(rows) == 2 else None


async def digest(connection: Connection, projection_id: int) -> Digest:
    """Return what a copy consists of."""
    [row] = await fetch(connection, "projections/digest", {"projection_id": projection_id})
    said = canonical({"one": row["one"], "other": row["other"], "rows": row["rows"]})
    return Digest(rows=row["rows"], sha256=hashlib.sha256(said).digest())


async def differences(connection: Connection, projection_id: int, beside: int, *, shown: int) -> list[Row]:
    """Return the first rows in which a copy (`stands`) is not what one beside it is (`folded`)."""
    given = {"projection_id": projection_id, "beside": beside, "shown": shown}
    return await fetch(connection, "projections/differences", given)


async def swap(connection: Connection, projection: Projection, projection_id: int) -> None:
    """Let the copy that was built be the one that is read; the other one is retired. Both must be locked."""
    await fetch(connection, "projections/swap", {"name": projection.name, "projection_id": projection_id})


async def retire(connection: Connection, projection_id: int) -> None:
    """Give up a copy that was built beside."""
    await fetch(connection, "projections/retire", {"projection_id": projection_id})


async def verified(connection: Connection, projection_id: int, digest: bytes, *, diverged: bool) -> None:
    """Write down at a copy what it should be where it stands, and whether it is something else."""
    given = {"projection_id": projection_id, "digest": digest, "diverged": diverged}
    await fetch(connection, "projections/verified", given)


async def clear(database: Database) -> bool:
    """Clear away a chunk of what retired copies have left; say whether there is more."""
    async with database.transaction() as connection:
        if len(await fetch(connection, "projections/clear_rows", {"most": CLEARED_AT_ONCE})) == CLEARED_AT_ONCE:
            return True
        await fetch(connection, "projections/clear_counts")
        await fetch(connection, "projections/clear")
    return False


async def told(connection: Connection, log_index: int) -> tuple[int | None, Told | None]:
    """Return the number of the event at an index of the log, and the event; None where there is none."""
    rows = await fetch(connection, "projections/told", {"log_index": log_index})
    if not rows:
        return None, None
    event_id = rows[0].pop("event_id")
    return event_id, Told(**rows[0]) if rows[0]["type"] is not None else None


async def wrong_interactions(connection: Connection, *, shown: int) -> list[Row]:
    """Return the first interactions that are not what their events say; each row has the totals, the first always."""
    given = {
        "types": [str(type) for type in STATE_AFTER],
        "states": [str(state) for state in STATE_AFTER.values()],
        "not_begun": [str(state) for state in NOT_BEGUN],
        "shown": shown,
    }
    return await fetch(connection, "projections/interactions", given)


async def events_of(connection: Connection, places: Sequence[tuple[int, int]]) -> list[Row]:
    """Return the events of interactions, each with what stands of its interaction."""
    given = {"run_ids": [run for run, _ in places], "ids": [one for _, one in places]}
    return await fetch(connection, "projections/events_of", given)


def parameters(projection_id: int, position: int, *, before: int, skips: Sequence[int] = ()) -> Row:
    """Return what the statement of a fold is given, to go on at a position."""
    return {
        "projection_id": projection_id,
        "position": position,
        "before": before,
        "most": AT_ONCE,
        "skips": list(skips),
        "form": FORM,
        "known": [str(type) for type in EventType],
        "shape": SETTLED_SHAPE,
        "types": [str(type) for type in STATE_AFTER],
        "states": [str(state) for state in STATE_AFTER.values()],
    }


@dataclass
class Fold:
    """One attempt to go on with a copy, inside the transaction that holds it. `skips` are left out."""

    connection: Connection
    projection: Projection
    projection_id: int
    skips: Sequence[int] = ()

    async def go_on(self, position: int, before: int, *, size: int = AT_ONCE) -> tuple[int, int | None, str]:
        """Fold the next entries, so many at most: where that has come to, and the entry that is refused with its error.

        The error is "" for what can be told without folding it. Else it is looked for by halving, so that all before it
        is folded.
        """
        error = ""
        while True:
            came_from = position
            try:
                async with self.connection.transaction():
                    position, refused = await self._batch(position, min(before, position + size))
            except (DataError, IntegrityError) as refusal:
                error = str(refusal).partition("\n")[0]
                if size == 1:
                    return position, position, error
            else:
                if refused is not None or not error or position == came_from:
                    return position, refused, ""
            size = max(1, size // 2)

    async def _batch(self, position: int, before: int) -> tuple[int, int | None]:
        given = parameters(self.projection_id, position, before=before, skips=self.skips)
        [row] = await fetch(self.connection, FOLD_OF[self.projection.name], given)
        return row["position"], row["refused"]


async def _skips(connection: Connection, projection: Projection, refused: int) -> list[int]:
    """Return what may be skipped, if the entry that was refused is among it."""
    rows = await fetch(connection, "projections/skips", {"name": projection.name})
    skips = [row["log_index"] for row in rows]
    return skips if refused in skips else []


async def _because(connection: Connection, refused: int, error: str) -> str:
    event_id, event = await told(connection, refused)
    why = refusal(event) if event is not None else "it is not there"
    return f"event {event_id}, entry {refused} of the log, cannot be folded: {why or error}"


def _named(projection: Projection) -> Row:
    return {"name": projection.name, "version": projection.version, "code_sha256": code_sha256(projection)}


def _copies(rows: Sequence[Row]) -> list[Copy]:
    return [
        Copy(
            **{
                **row,
                "code_sha256": bytes(row["code_sha256"]),
                "stuck_because": row["stuck_because"] or "",
                "digest": row["digest"] and bytes(row["digest"]),
            }
        )
        for row in rows
    ]
