"""The log that is signed: what is sealed next, how far it has come, and the tree behind its checkpoints.

Whatever grows or signs it holds `lock` in a transaction of `Database.repeatable`: then no two do at once, and what it
selects is exactly what its snapshot sees.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from wave_runner.core import tiles
from wave_runner.core.event import Event
from wave_runner.core.merkle import Frontier, leaf_hash
from wave_runner.core.sealing import Growth, Row, entries_for
from wave_runner.store.database import Connection, Database, copy_rows, fetch, fetch_tuples, plan_by_key

AT_ONCE = 20_000
"""Events that are sealed together, at most: more of a backlog would make a long transaction of it."""
WINDOWS = 50
"""Times so many that one transaction looks through where it has to compare the events with the whole log."""


class LogRefused(Exception):
    """The log cannot be extended as its tables are: somebody has changed them by hand."""


@dataclass(frozen=True, kw_only=True)
class State:
    """How far the log has come. `signed_size` is 0 where nothing is signed."""

    origin: str
    frontier: Frontier
    last_snapshot: str | None
    last_xmax: int | None
    target_snapshot: str | None
    after_event_id: int | None
    until_event_id: int | None
    system_identifier: int | None
    floor_event_id: int
    public_key: bytes | None
    stopped: str | None
    signed_size: int

    @property
    def size(self) -> int:
        """Entries of the log: the index of the next one."""
        return self.frontier.size


@dataclass(frozen=True, kw_only=True)
class Now:
    """The moment of a transaction: what it sees, in which cluster, and the time in microseconds and as a day.

    `xmax` is the first transaction that the snapshot knows nothing of.
    """

    snapshot: str
    xmax: int
    system_identifier: int
    at_us: int
    day: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What a look without a lock has found."""

    origin: str
    size: int
    public_key: bytes | None
    stopped: str | None
    trouble: str | None
    unsealed: bool
    unsigned: bool


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """How many events were sealed, and whether more of the same backlog are waiting."""

    events: int
    more: bool


async def begin(database: Database, origin: str) -> None:
    """Let there be a log, under this origin if it is new."""
    await database.fetch("log/begin", {"origin": origin})


async def waiting(database: Database) -> Waiting:
    """Return whether there is anything to seal or to sign."""
    [row] = await database.fetch("log/waits")
    return Waiting(size=row.pop("next_index"), **row)


async def lock(connection: Connection) -> State | None:
    """Return the state of the log, which is ours for the rest of the transaction; None if it is somebody else's."""
    rows = await fetch(connection, "log/lock")
    if not rows:
        return None
    row = rows[0]
    frontier = Frontier(size=row.pop("next_index"), hashes=[bytes(one) for one in row.pop("frontier")])
    return State(frontier=frontier, **row)


async def now(connection: Connection) -> Now:
    """Return the moment of this transaction, and see to it that what it writes is on disk when it has committed."""
    [row] = await fetch(connection, "log/now")
    return Now(**{name: row[name] for name in ("snapshot", "xmax", "system_identifier", "at_us", "day")})


async def seal(database: Database, *, source: str) -> Sealed | None:
    """Seal what is visible and not sealed yet. None if somebody else does, or it is stopped.

    Of a backlog a part, which the next call goes on from. Raises `LogRefused`.
    """
    async with database.repeatable() as connection:
        state = await lock(connection)
        if state is None or state.stopped:
            return None
        await plan_by_key(connection)
        at = await now(connection)
        # Copies of one image of a cluster have the same identifier; their transactions are at other numbers.
        if state.system_identifier != at.system_identifier or (state.last_xmax or 0) > at.xmax:
            return await _seal_missing(connection, state, at, source)
        if state.target_snapshot is None:
            return await _seal_next(connection, state, at, source)
        return await _seal_window(connection, state, at, source)


async def _seal_next(connection: Connection, state: State, at: Now, source: str) -> Sealed:
    """Go on from the last snapshot. What is more than `AT_ONCE` is a backlog up to this moment's."""
    parameters = {"last": state.last_snapshot, "target": at.snapshot, "after": state.floor_event_id, "most": AT_ONCE}
    events = await _events(connection, "log/unsealed", parameters)
    more = len(events) == AT_ONCE
    await _extend(
        connection,
        state,
        await _sealed(connection, state, events, source=source, at_us=at.at_us, snapshot=at.snapshot),
        last_snapshot=state.last_snapshot if more else at.snapshot,
        target_snapshot=at.snapshot if more else None,
        after_event_id=events[-1].event_id if more else None,
        until_event_id=await _newest_number(connection) if more else None,
    )
    return Sealed(events=len(events), more=more)


async def _seal_window(connection: Connection, state: State, at: Now, source: str) -> Sealed:
    """Go on with a backlog by the numbers of its events: its target stays the same, however many windows it takes.

    To look for the next ones among all of them would read what is left of it each time.
    """
    target, after, end = state.target_snapshot, state.after_event_id, state.until_event_id
    assert target is not None
    assert after is not None
    assert end is not None
    parameters = {"last": state.last_snapshot, "target": target, "after": after, "until": after + AT_ONCE}
    events = await _events(connection, "log/backlog", parameters)
    more = after + AT_ONCE < end
    await _extend(
        connection,
        state,
        await _sealed(connection, state, events, source=source, at_us=at.at_us, snapshot=target),
        last_snapshot=state.last_snapshot if more else target,
        target_snapshot=target if more else None,
        after_event_id=after + AT_ONCE if more else None,
        until_event_id=end if more else None,
    )
    return Sealed(events=len(events), more=more)


async def _seal_missing(connection: Connection, state: State, at: Now, source: str) -> Sealed:
    """Seal what is not in the log, the first time, or in a cluster that has numbered its transactions anew.

    Rows of the old cluster are told from new ones by the largest number of theirs: sequences go on after a restore.
    A window may hold nothing that is missing, so one transaction looks through many: they see the same.
    """
    end, after, n = await _newest_number(connection), 0, 0
    while after < end and n < AT_ONCE * WINDOWS:
        events = await _events(connection, "log/missing", {"after": after, "until": after + AT_ONCE})
        growth = await _sealed(connection, state, events, source=source, at_us=at.at_us, snapshot=at.snapshot)
        state = await _extend(connection, state, growth)
        after, n = after + AT_ONCE, n + len(events)
    more = after < end
    if not more:
        [row] = await fetch(connection, "log/floor", {"snapshot": at.snapshot})
        await _advance(
            connection,
            state,
            state.frontier,
            last_snapshot=at.snapshot,
            target_snapshot=None,
            after_event_id=None,
            until_event_id=None,
            system_identifier=at.system_identifier,
            floor_event_id=max(state.floor_event_id, row["floor"]),
        )
    return Sealed(events=n, more=more)


async def _newest_number(connection: Connection) -> int:
    """Return a number that no event is above which this transaction sees."""
    [row] = await fetch(connection, "log/newest_number")
    return row["newest"] or 0


async def add(connection: Connection, state: State, row: Row) -> State:
    """Add one entry about the log itself, made for the index `state.size`; return the state after it."""
    growth = Growth(frontier=state.frontier, partial=await _partial(connection, state, 1))
    growth.add(row.entry, row.kind)
    return await _extend(connection, state, growth)


async def as_it_lies(connection: Connection, state: State) -> State:
    """Return the state with the size and the tree of the entries that there are, whatever `log_state` says of them.

    Raises `LogRefused` where they have holes at their end.
    """
    [row] = await fetch(connection, "log/end")
    try:
        frontier = await _frontier(connection, row["size"])
    except ValueError as error:
        raise LogRefused(f"entries are missing before index {row['size']}: {error}") from error
    return State(**{**vars(state), "frontier": frontier})


async def root_at(connection: Connection, size: int) -> bytes:
    """Return the root of the first `size` entries, from what the database holds now. Raises `ValueError` for fewer."""
    return (await _frontier(connection, size)).root()


async def add_checkpoint(connection: Connection, size: int, note: str) -> None:
    """Keep a signed checkpoint."""
    await fetch(connection, "log/add_checkpoint", {"size": size, "note": note})


async def newest_checkpoint(database: Database) -> tuple[int, str] | None:
    """Return the size and the note of the newest checkpoint."""
    rows = await database.fetch("log/newest_checkpoint")
    return (rows[0]["size"], rows[0]["note"]) if rows else None


async def set_key(connection: Connection, public_key: bytes) -> None:
    """Say whose signatures count from here on."""
    await fetch(connection, "log/set_key", {"public_key": public_key})


async def stop(connection: Connection, stopped: str, because: str) -> None:
    """Let nobody seal or sign until a new epoch is opened."""
    await fetch(connection, "log/stop", {"stopped": stopped, "because": because})


async def open_epoch(connection: Connection, *, origin: str, public_key: bytes) -> None:
    """Go on under another origin."""
    await fetch(connection, "log/open_epoch", {"origin": origin, "public_key": public_key})


async def tell_trouble(database: Database, trouble: str | None) -> None:
    """Say what keeps checkpoints from being signed or written outside; None: nothing does any more."""
    await database.fetch("log/tell_trouble", {"trouble": trouble})


async def _events(connection: Connection, name: str, parameters: Mapping[str, Any]) -> list[Event]:
    return [Event._make(row) for row in await fetch_tuples(connection, name, parameters)]


async def _sealed(
    connection: Connection, state: State, events: Sequence[Event], *, source: str, at_us: int, snapshot: str
) -> Growth:
    partial = await _partial(connection, state, entries_for(len(events)))
    growth = Growth(frontier=state.frontier, partial=partial)
    # Thousands of hashes: the loop has leases to renew meanwhile.
    await asyncio.to_thread(growth.seal, events, source=source, at_us=at_us, snapshot=snapshot)
    return growth


async def _extend(connection: Connection, state: State, growth: Growth, **changed: Any) -> State:
    """Write down what the log has grown by."""
    try:
        if growth.rows:
            await copy_rows(connection, "log/append", _binary(growth.rows))
        if full := growth.tiles:
            columns = zip(*full, strict=True)
            names = ("level", "tile_index", "hashes", "root")
            await fetch(
                connection, "log/add_tiles", {name: list(one) for name, one in zip(names, columns, strict=True)}
            )
    except psycopg.errors.IntegrityError as error:
        raise LogRefused(str(error).splitlines()[0]) from error
    return await _advance(connection, state, growth.frontier, **changed)


async def _advance(connection: Connection, state: State, frontier: Frontier, **changed: Any) -> State:
    kept = {name: getattr(state, name) for name in KEPT} | changed
    await fetch(connection, "log/advance", {**kept, "next_index": frontier.size, "frontier": frontier.hashes})
    return State(**{**vars(state), **kept, "frontier": frontier})


KEPT = (
    "last_snapshot",
    "target_snapshot",
    "after_event_id",
    "until_event_id",
    "system_identifier",
    "floor_event_id",
)


async def _partial(connection: Connection, state: State, entries: int) -> dict[int, list[bytes]]:
    """Return what stands in the tiles that so many more entries fill.

    Raises `LogRefused` where the entries are not those of the tree that is kept: whatever came on top of another
    tree could never be verified again, whoever puts right what is wrong.
    """
    partial = await _last_tiles(connection, state.size)
    try:
        fits = tiles.frontier(state.size, partial).hashes == state.frontier.hashes
    except ValueError:
        fits = False
    if not fits:
        raise LogRefused(f"log_state speaks of {state.size} entries and their tree, and those in event_log are others")
    return {level: partial[level] for level in tiles.completed_levels(state.size, state.size + entries)}


async def _frontier(connection: Connection, size: int) -> Frontier:
    return tiles.frontier(size, await _last_tiles(connection, size))


async def _last_tiles(connection: Connection, size: int) -> dict[int, list[bytes]]:
    return {level: await _last_tile(connection, size, level) for level in tiles.LEVELS}


async def _last_tile(connection: Connection, size: int, level: int) -> list[bytes]:
    """Return the hashes of the last tile of a level, where it is not full."""
    first, n = tiles.begin(size, level), tiles.width(size, level)
    if n == 0:
        return []
    place = {"first": first, "end": first + n}
    if level == 0:
        return [leaf_hash(row["entry"]) for row in await fetch(connection, "log/entries", place)]
    return [bytes(row["root"]) for row in await fetch(connection, "log/roots", {**place, "level": level - 1})]


def _binary(rows: Sequence[Row]) -> bytes:
    """Return rows as COPY reads them in its binary format, where entries need no digits and no escapes.

    https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
    """
    return b"".join((_BEGIN, *map(_bytes_of, rows), _END))


def _bytes_of(row: Row) -> bytes:
    if row.run_id is None or row.event_id is None:
        return _OF_NO_EVENT.pack(5, 8, row.log_index, -1, -1, 2, row.kind, len(row.entry)) + row.entry
    return _OF_EVENT.pack(5, 8, row.log_index, 8, row.run_id, 8, row.event_id, 2, row.kind, len(row.entry)) + row.entry


# The number of columns, and before each its length; NULL has the length -1, and nothing behind it.
_OF_EVENT = struct.Struct("!hiqiqiqihi")
_OF_NO_EVENT = struct.Struct("!hiqiiihi")
_BEGIN, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
