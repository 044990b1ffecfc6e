"""A part of the log, or all of it, as a bundle that an outsider can check without us."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from wave_runner.audit import wave_verify
from wave_runner.audit.bundle import BundleWriter, consistency_file, proof_file
from wave_runner.core import merkle, tiles
from wave_runner.core.event import Event, EventType, commitments, line
from wave_runner.core.note import Checkpoint
from wave_runner.core.value_write import ValueWrite
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.reports.own_policy import own_policy
from wave_runner.store import erasures, reports, sealed
from wave_runner.store.database import Connection, Database

STRETCH = 5_000  # entries that are read at once
FEW = 200  # interactions whose contents are
SAYS_MORE = "something was tampered with, and `wave audit verify` says more"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be shown: one of these, or all. A stretch is given by indexes, the second not in it, or by times."""

    record: str | None = None
    run: int | None = None
    stretch: tuple[int, int] | None = None
    times: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What a bundle holds. `unsigned` events are recorded and in no bundle yet: the log is signed before they come."""

    folder: Path
    origin: str
    size: int
    events: int
    contents: int
    unsigned: int


async def export(
    database: Database, folder: Path, wanted: Wanted, *, source: str, older: Sequence[wave_verify.Checkpoint] = ()
) -> Exported:
    """Write a bundle into a folder that is not there yet; `older` are checkpoints that it must be comparable with.

    Raises `ConflictError` while nothing is signed, and `NotFoundError` where nothing of it is in the signed log.
    """
    async with reports.snapshot(database) as connection:
        signed = await sealed.signed(connection)
        if signed is None:
            raise ConflictError("nothing of the log is signed yet", hint="a runner signs it: wave audit status")
        if await erasures.unsigned(connection, signed.size):
            # Whoever checks the bundle would miss contents, and find no event that says why.
            message = "what was erased last is not in the signed log yet"
            raise ConflictError(message, hint="a runner signs it within a second: wave audit status")
        with BundleWriter(folder) as writer:
            return await _Export(connection, writer, signed, source).write(folder, wanted, older)


def _promise(write: ValueWrite) -> str:
    try:
        return write.commitment()
    except ValueError as error:
        raise ConflictError(f"nothing can have committed to it ({error}): {write}", hint=SAYS_MORE) from error


class _Export:
    def __init__(self, connection: Connection, writer: BundleWriter, signed: sealed.Signed, source: str) -> None:
        self._connection = connection
        self._writer = writer
        self._signed = signed
        self._source = source
        self._origin = Checkpoint.parse(signed.note).origin
        self._writes: list[ValueWrite] = []  # of the record, where one is shown
        self._promised: set[str] = set()
        self._interactions: set[tuple[int, int]] = set()
        self._writes_of: set[int] = set()  # runs in which values were changed, and events say so
        self._flows: set[str] = set()
        self._events = 0

    async def write(self, folder: Path, wanted: Wanted, older: Sequence[wave_verify.Checkpoint]) -> Exported:
        scope = await self._scope(wanted)
        self._is_record = scope["kind"] == "record"
        if scope["kind"] == "whole":
            await self._whole()
        else:
            await self._part(scope, await self._indexes(wanted, scope))
            await self._compare(older)
        contents = await self._contents()
        policy = await own_policy(self._connection, self._signed)
        self._writer.finish(
            origin=self._origin, size=self._signed.size, note=self._signed.note, policy=policy, scope=scope
        )
        return Exported(
            folder=folder,
            origin=self._origin,
            size=self._signed.size,
            events=self._events,
            contents=contents,
            unsigned=await self._unsigned(),
        )

    async def _unsigned(self) -> int:
        status = await reports.log_status(self._connection)
        sealed_since = await sealed.unsigned(self._connection, self._signed.size)
        return sealed_since + (status["unsealed"] if status else 0)

    async def _scope(self, wanted: Wanted) -> dict[str, Any]:
        if wanted.record is not None:
            self._flows = set(await sealed.flows(self._connection, wanted.record))
            return {"kind": "record", "correlations": sorted(self._flows)}
        if wanted.run is not None:
            return {"kind": "run", "run": wanted.run}
        stretch, size = wanted.stretch, self._signed.size
        if wanted.times is not None:
            stretch = await sealed.between(self._connection, *wanted.times, size=size)
            if stretch is None:
                raise NotFoundError(
                    "no event was recorded in this time", hint="wave audit status says how far it is sealed"
                )
        if stretch is None:
            return {"kind": "whole"}
        if not 0 <= stretch[0] < stretch[1] <= size:
            raise NotFoundError(f"the log is signed from 0 to {size}", hint="wave audit status says how far it is")
        return {"kind": "range", "from": stretch[0], "to": stretch[1]}

    async def _indexes(self, wanted: Wanted, scope: dict[str, Any]) -> list[int]:
        size = self._signed.size
        if wanted.record is not None:
            found, what = await sealed.of_record(self._connection, wanted.record, size=size), f"record {wanted.record}"
            self._writes = await sealed.writes_of_record(self._connection, wanted.record)
            for write in self._writes:
                _promise(write)
            found += await sealed.speaking_of(self._connection, self._writes, size=size)
        elif wanted.run is not None:
            found, what = await sealed.of_run(self._connection, wanted.run, size=size), f"run {wanted.run}"
        else:
            found, what = await self._stretch(scope["from"], scope["to"]), "the log"
        if not found:
            raise NotFoundError(f"{what}: nothing is in the signed log", hint="wave audit status says how far it is")
        return found

    async def _stretch(self, first: int, end: int) -> list[int]:
        """Return a stretch of the log, and what came behind it that says why contents or events of it are not there."""
        found = [*range(first, end)]
        for later in (sealed.later_erasures, sealed.later_attempts, sealed.later_drops):
            found += await later(self._connection, first, end, size=self._signed.size)
        return found

    async def _whole(self) -> None:
        size = self._signed.size
        for first in range(0, size, STRETCH):
            for one in await sealed.entries(self._connection, first, min(first + STRETCH, size)):
                self._writer.sealed(one.entry)
                self._take(one)
        await self._put_tiles([(0, number) for number in range(-(-size // tiles.WIDTH))])

    async def _part(self, scope: dict[str, Any], indexes: list[int]) -> None:
        chosen = sorted({*indexes, *await self._headers(indexes)})
        async for one in self._chosen(chosen):
            if one.event is None:  # it is about the log itself, or its event is gone
                self._writer.entry(one.entry)
            self._take(one)
        if scope["kind"] == "record":
            size = self._signed.size
            proofs = await self._prove([partial(merkle.inclusion_proof, index=at, size=size) for at in chosen])
            for at, proof in zip(chosen, proofs, strict=True):
                self._writer.put(f"proofs/{at}.tlog-proof", proof_file(at, proof, self._signed.note))
        else:
            await self._put_tiles({(0, at // tiles.WIDTH) for at in chosen})

    async def _chosen(self, indexes: Sequence[int]) -> AsyncIterator[sealed.Entry]:
        for first in range(0, len(indexes), STRETCH):
            for one in await sealed.chosen(self._connection, indexes[first : first + STRETCH]):
                yield one

    async def _headers(self, indexes: Sequence[int]) -> set[int]:
        """Return the headers of the batches in which entries stand, and of those before: they bound their times."""
        found: set[int] = set()
        for index in sorted(indexes, reverse=True):
            if found and min(found) < index and len(found) > 1 and sorted(found)[1] <= index:
                continue
            header = await sealed.header_before(self._connection, index + 1)
            if header is not None:
                before = await sealed.header_before(self._connection, header)
                found |= {header} if before is None else {header, before}
        return found

    def _take(self, one: sealed.Entry) -> None:
        if one.event is None:
            return
        self._writer.event(line(one.event, one.log_index, source=self._source))
        self._events += 1
        if one.event.type == EventType.VALUES_WRITTEN:
            self._promised.update(commitments(one.event.data))
            self._writes_of.add(one.event.run_id)
        elif not self._flows or one.event.correlation_id in self._flows:
            self._note_promises(one.event)

    def _note_promises(self, event: Event) -> None:
        self._promised.update(commitments(event.data))
        if event.interaction_id is not None:
            self._interactions.add((event.run_id, event.interaction_id))

    async def _contents(self) -> int:
        """Write what the events commit to, as far as it is kept; each content once."""
        if self._interactions & await sealed.tried_anew(self._connection, self._signed.size):
            # Whoever checks the bundle would miss the input that is signed: another one has taken its place.
            message = "what was tried once more is not in the signed log yet"
            raise ConflictError(message, hint="a runner signs it within a second: wave audit status")
        interactions, written = sorted(self._interactions), 0
        for first in range(0, len(interactions), FEW):
            for _, nonce, content in await sealed.contents(self._connection, interactions[first : first + FEW]):
                written += self._put_content(nonce, content)
        lone = {}
        async for write in self._changed():
            if write.nonce is not None:
                promise = _promise(write)
                there = self._put_content(write.nonce, write.content(), promise)
                written += there
                if self._is_record and not there:
                    lone[promise] = write
        await self._check_unsigned(lone)
        return written

    async def _check_unsigned(self, lone: dict[str, ValueWrite]) -> None:
        """Raise unless events that are not signed yet speak of these: a bundle that left one out would look whole."""
        if not lone:
            return
        unsigned = await sealed.unsigned_writes(self._connection, size=self._signed.size)
        for promise, write in lone.items():
            if promise not in unsigned:
                raise ConflictError(f"no event speaks of it: {write}", hint=SAYS_MORE)

    def _put_content(self, nonce: bytes, content: bytes, promise: str = "") -> bool:
        promise = promise or hashlib.sha256(nonce + content).hexdigest()
        if promise not in self._promised:
            return False
        self._promised.remove(promise)
        self._writer.content(nonce, content)
        return True

    async def _changed(self) -> AsyncIterator[ValueWrite]:
        """Give the values that were changed and events may speak of: those of the record, where one is shown."""
        for one in self._writes:
            yield one
        async for some in sealed.writes(self._connection, STRETCH, [] if self._is_record else sorted(self._writes_of)):
            for kept in some:
                yield kept.write

    async def _put_tiles(self, lowest: Iterable[tuple[int, int]]) -> None:
        """Write the tiles that lead from some of the lowest ones to the root, and those at the edge of the tree."""
        size, wanted = self._signed.size, set(lowest)
        for level in tiles.LEVELS:
            if tiles.width(size, level):
                wanted.add((level, tiles.begin(size, level) // tiles.WIDTH))
            wanted |= {
                (level + 1, index // tiles.WIDTH)
                for at, index in wanted
                if at == level and (index + 1) * tiles.WIDTH <= size >> 8 * level
            }
        for (level, index), hashes in (await sealed.hashes(self._connection, size, wanted)).items():
            self._writer.put(tiles.path(level, index, len(hashes) // merkle.HASH_BYTES), hashes)

    async def _compare(self, older: Sequence[wave_verify.Checkpoint]) -> None:
        size = self._signed.size
        for one in older:
            if one.origin != self._origin or one.size > size:
                raise ConflictError(
                    f"the checkpoint of {one.size} entries of {one.origin} is none of this log, which has {size}",
                    hint="wave audit status says what the log is; `wave audit verify --checkpoint` says more",
                )
            [proof] = await self._prove([partial(merkle.consistency_proof, old=one.size, new=size)])
            if 0 < one.size < size:
                self._writer.put(f"consistency/{one.size}", consistency_file(one.size, proof, self._signed.note))

    async def _prove(self, proofs: Sequence[Callable[[merkle.Node], list[bytes]]]) -> list[list[bytes]]:
        """Make proofs: once for nothing, to learn which tiles they need, and once with these."""
        needed: set[tuple[int, int]] = set()

        def learn(level: int, index: int) -> bytes:
            tile_level, up = divmod(level, tiles.HEIGHT)
            needed.add((tile_level, (index << up) // tiles.WIDTH))
            return bytes(merkle.HASH_BYTES)

        for proof in proofs:
            proof(learn)
        node = tiles.nodes(await sealed.hashes(self._connection, self._signed.size, needed))
        return [proof(node) for proof in proofs]
