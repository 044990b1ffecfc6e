"""The log as it was signed, read for somebody who wants to see it proven. Nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from wave_runner.core import tiles
from wave_runner.core.event import Event, commitments
from wave_runner.core.merkle import leaf_hash
from wave_runner.core.sealing import CLOCK_BACK_US
from wave_runner.core.value_write import ValueWrite
from wave_runner.store.database import Connection, Row, fetch, fetch_tuples, plan_by_key

FIRST, LAST = -(2**63), 2**63 - 1
"""Between these is the number of any row: whoever puts one in may give it any of them."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """The newest checkpoint: its size and note, and whose signature counts now."""

    size: int
    note: str
    public_key: bytes | None


class Entry(NamedTuple):
    """One entry of the log as its table has it, and the event that it points to; None where that is not there."""

    log_index: int
    entry: bytes
    event: Event | None


class KeptWrite(NamedTuple):
    """A value that was changed, as it is kept. `erased` is the commitment to it as it was, where it is erased.

    `is_untrue`: whatever the log says, it cannot be so: what is kept beside it says something else. `is_before_gone`:
    what stood there before is kept no more, and an erasure has to name its commitment.
    """

    write: ValueWrite
    erased: bytes | None
    is_untrue: bool
    is_before_gone: bool


async def signed(connection: Connection) -> Signed | None:
    """Return what was signed last; None where nothing is signed yet."""
    rows = await fetch(connection, "sealed/signed")
    return Signed(**rows[0]) if rows else None


async def entries(connection: Connection, first: int, end: int) -> list[Entry]:
    """Return a stretch of the log."""
    await plan_by_key(connection)
    return list(map(_entry, await fetch_tuples(connection, "sealed/entries", {"first": first, "end": end})))


async def chosen(connection: Connection, indexes: Sequence[int]) -> list[Entry]:
    """Return some entries of the log, in its order."""
    await plan_by_key(connection)
    return list(map(_entry, await fetch_tuples(connection, "sealed/chosen", {"indexes": list(indexes)})))


async def header_before(connection: Connection, index: int) -> int | None:
    """Return the index of the last header before an index."""
    rows = await fetch(connection, "sealed/header_before", {"index": index})
    return rows[0]["log_index"] if rows else None


async def of_run(connection: Connection, run_id: int, *, size: int) -> list[int]:
    """Return where the events of a run stand; of one that was dropped, where that is said."""
    return await _indexes(connection, "sealed/of_run", {"run_id": run_id, "size": size})


async def of_record(connection: Connection, key: str, *, size: int) -> list[int]:
    """Return where the events of a record stand, with those that led to them, and what was dropped of it."""
    return await _indexes(connection, "sealed/of_record", {"key": key, "size": size})


async def flows(connection: Connection, key: str) -> list[str]:
    """Return the correlation ids of a record: one for each run that it has been in, unless that was dropped."""
    return [row["correlation"] for row in await fetch(connection, "sealed/flows", {"key": key})]


async def between(connection: Connection, since: datetime, until: datetime, *, size: int) -> tuple[int, int] | None:
    """Return the stretch of the log in which everything stands that was recorded in a time; None for nothing."""
    [row] = await fetch(connection, "sealed/between", {"since": since, "until": until, "size": size})
    return None if row["first"] is None else (row["first"], row["end"])


async def later_erasures(connection: Connection, first: int, end: int, *, size: int) -> list[int]:
    """Return where erasures stand behind a stretch of the log that are of the same runs."""
    return await _indexes(connection, "sealed/later_erasures", {"first": first, "end": end, "size": size})


async def later_attempts(connection: Connection, first: int, end: int, *, size: int) -> list[int]:
    """Return where what was begun in a stretch of the log went on behind it, up to its newest attempt."""
    return await _indexes(connection, "sealed/later_attempts", {"first": first, "end": end, "size": size})


async def later_drops(connection: Connection, first: int, end: int, *, size: int) -> list[int]:
    """Return where orders to drop events of a stretch of the log stand behind it."""
    return await _indexes(connection, "sealed/later_drops", {"first": first, "end": end, "size": size})


async def hashes(connection: Connection, size: int, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Return tiles of the tree of `size` leaves, by level and index; those at its edge as they were then."""
    places = set(wanted)
    edge = {level: tiles.begin(size, level) // tiles.WIDTH for level in tiles.LEVELS if tiles.width(size, level)}
    found = {}
    for level, index in places:
        if edge.get(level) == index:
            found[level, index] = await _edge(connection, size, level)
    full = sorted(places - found.keys())
    parameters = {"levels": [level for level, _ in full], "indexes": [index for _, index in full]}
    for row in await fetch(connection, "sealed/tiles", parameters):
        found[row["level"], row["tile_index"]] = bytes(row["hashes"])
    return found


async def contents(connection: Connection, interactions: Sequence[tuple[int, int]]) -> list[tuple[int, bytes, bytes]]:
    """Return interaction, nonce and content of what some interactions, given by run and number, have kept."""
    await plan_by_key(connection)
    parameters = {"run_ids": [run for run, _ in interactions], "ids": [number for _, number in interactions]}
    rows = await fetch_tuples(connection, "sealed/contents", parameters)
    return [(interaction, bytes(nonce), bytes(content)) for interaction, nonce, content in rows]


async def written_runs(connection: Connection) -> list[int]:
    """Return the runs in which values were changed."""
    return [row["run_id"] for row in await fetch(connection, "sealed/written_runs")]


async def writes(connection: Connection, most: int, run_ids: Iterable[int]) -> AsyncIterator[list[KeptWrite]]:
    """Give the values that were changed in some runs, at most so many at once, by run and number."""
    for run_id in run_ids:
        first = FIRST
        while True:
            given = {"run_id": run_id, "first": first, "most": most}
            found = list(map(_kept_write, await fetch_tuples(connection, "sealed/writes", given)))
            yield found
            if len(found) < most or (first := found[-1].write.value_write_id + 1) > LAST:
                break


def _kept_write(row: tuple[Any, ...]) -> KeptWrite:
    *write, commitment, is_untrue, is_before_gone = row
    return KeptWrite(ValueWrite._make(write), commitment, is_untrue, is_before_gone)


async def writes_of_record(connection: Connection, key: str) -> list[ValueWrite]:
    """Return every value of a record that was changed, by run and number, but those that are erased."""
    return list(map(ValueWrite._make, await fetch_tuples(connection, "sealed/writes_of_record", {"key": key})))


async def speaking_of(connection: Connection, writes: Sequence[ValueWrite], *, size: int) -> list[int]:
    """Return where the log speaks of values that were changed. Raises `ValueError` where nothing can speak of one."""
    if not writes:
        return []
    given = {
        "run_ids": sorted({one.run_id for one in writes}),
        "commitments": [one.commitment() for one in writes],
        "since_us": min(one.written_us or 0 for one in writes) - CLOCK_BACK_US,
    }
    return await _indexes(connection, "sealed/speaking_of", {**given, "size": size})


async def unsigned_writes(connection: Connection, *, size: int) -> set[str]:
    """Return what events commit to of values that were changed, as far as it is not signed yet."""
    rows = await fetch(connection, "sealed/unsigned_writes", {"size": size})
    return {promise for row in rows for promise in commitments(row["data"])}


async def interactions(connection: Connection, after: tuple[int, int], most: int) -> list[tuple[int, int]]:
    """Return the next interactions that have events, by run and number."""
    parameters = {"after_run": after[0], "after": after[1], "most": most}
    return await fetch_tuples(connection, "sealed/interactions", parameters)


async def anchors(connection: Connection) -> list[bytes]:
    """Return the entries of epochs and keys."""
    return [bytes(row["entry"]) for row in await fetch(connection, "sealed/anchors")]


async def notes(connection: Connection) -> list[str]:
    """Return all checkpoints that are kept."""
    return [row["note"] for row in await fetch(connection, "sealed/notes")]


async def unsigned(connection: Connection, size: int) -> int:
    """Return how many events are sealed behind the first `size` entries."""
    [row] = await fetch(connection, "sealed/unsigned", {"size": size})
    return int(row["n"])


async def tried_anew(connection: Connection, size: int) -> set[tuple[int, int]]:
    """Return interactions, by run and number, that were begun once more behind the first `size` entries."""
    rows = await fetch(connection, "sealed/tried_anew", {"size": size})
    return {(row["run_id"], row["interaction_id"]) for row in rows}


async def left_out(connection: Connection, most: int) -> list[int]:
    """Return events that are not in the log and never will be: somebody has put them in beside it."""
    return [row["event_id"] for row in await fetch(connection, "sealed/left_out", {"most": most})]


async def forged_definitions(connection: Connection, most: int) -> list[str]:
    """Return definitions whose bytes are not those of the hash that events name them by."""
    rows = await fetch(connection, "sealed/forged_definitions", {"most": most})
    return [f"the {row['kind']} {row['name']} ({row['sha256']})" for row in rows]


async def standing(connection: Connection, *, late_s: float) -> Row:
    """Return how the log stands as a whole; a batch is late whose first event had waited longer than `late_s`."""
    return (await fetch(connection, "sealed/standing", {"late_s": late_s}))[0]


async def verifications(connection: Connection, *, most: int) -> list[Row]:
    """Return when the whole log was verified, and what came of it: the newest first."""
    return await fetch(connection, "sealed/verifications", {"most": most})


async def all_tiles(connection: Connection, after: tuple[int, int], most: int) -> list[tuple[int, int, bytes, bytes]]:
    """Return the next tiles that are kept: level, index, hashes, and the node above."""
    parameters = {"level": after[0], "after": after[1], "most": most}
    rows = await fetch_tuples(connection, "sealed/all_tiles", parameters)
    return [(level, index, bytes(hashes), bytes(root)) for level, index, hashes, root in rows]


async def _indexes(connection: Connection, name: Any, parameters: dict[str, Any]) -> list[int]:
    return sorted({row["log_index"] for row in await fetch(connection, name, parameters)})


async def _edge(connection: Connection, size: int, level: int) -> bytes:
    first = tiles.begin(size, level)
    place = {"first": first, "end": first + tiles.width(size, level)}
    if level == 0:
        return b"".join(leaf_hash(row["entry"]) for row in await fetch(connection, "log/entries", place))
    rows = await fetch(connection, "log/roots", {**place, "level": level - 1})
    return b"".join(bytes(row["root"]) for row in rows)


def _entry(row: tuple[Any, ...]) -> Entry:
    log_index, entry, *event = row
    return Entry(log_index, bytes(entry), None if event[0] is None else Event._make(event))
