"""The signed log of a live database, held against its tables by the checks that bundles are verified with."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from wave_runner.audit import wave_verify
from wave_runner.audit.wave_verify import (
    Checkpoint,
    Checks,
    Dropped,
    Findings,
    IncompleteError,
    Policy,
    TamperedError,
    WholeLog,
)
from wave_runner.core import event as stored_event
from wave_runner.reports.own_policy import own_policy
from wave_runner.reports.written import Kept, LiveEvidence, Writes, note_lone
from wave_runner.store import erasures, reports, sealed
from wave_runner.store.database import Connection, Database

STRETCH = 5_000  # entries that are read at once
FEW = 2_000  # interactions whose contents are
TILES = 1_000
MOST_LEFT_OUT = 100


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What does not hold, how much was looked at, and what is not there because two people have had it dropped."""

    findings: Findings
    facts: dict[str, int]
    dropped: Sequence[Dropped] = ()


async def verify_log(
    database: Database, *, source: str, policy: Policy | None, older: Sequence[Checkpoint], longest_transaction_us: int
) -> Verified:
    """Verify everything that was signed last: signature, tree, events, contents, and older checkpoints.

    All of it at one moment. Without a policy the log's own keys are believed. Raises `UsageError` for a checkpoint of
    another log.
    """
    async with reports.snapshot(database) as connection:
        return await _Live(connection, source).verify(policy, older, longest_transaction_us)


class _Live:
    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._tiles: dict[tuple[int, int], bytes] = {}  # the hash of each that the entries have
        self._stored: dict[int, bytes] = {}  # of the lowest level, those of the stretch that is read
        self._findings = Findings()

    async def verify(self, policy: Policy | None, older: Sequence[Checkpoint], longest_us: int) -> Verified:
        findings = self._findings
        facts = dict.fromkeys(("events", "entries", "payloads", "checkpoints", "dropped"), 0)
        signed = await sealed.signed(self._connection)
        facts["unsigned"] = await self._unsigned(signed.size if signed else 0)
        if signed is None:
            findings.add(_nothing(older))
            return Verified(findings=findings, facts=facts)
        kept = await self._kept()
        checks = Checks({"kind": "whole"}, kept, longest_transaction_us=longest_us)
        checks.findings = findings
        writes = Writes()
        await writes.read(self._connection, findings)
        checks.evidence = LiveEvidence(kept, writes, longest_transaction_us=longest_us)
        checks.evidence.expect_erasure(await erasures.unsigned(self._connection, signed.size))
        checks.evidence.expect_other_inputs(one for _, one in await sealed.tried_anew(self._connection, signed.size))
        try:
            checkpoint = wave_verify.parse_checkpoint(signed.note.encode())
            if policy is None and signed.public_key is None:
                raise TamperedError("the log is signed, and the database names no key of it")
            policy = policy or Policy(await own_policy(self._connection, signed))
            policy.check(checkpoint)
        except TamperedError as error:
            findings.add(error)
            return Verified(findings=findings, facts=facts)
        compared = await self._own(findings)
        compared += wave_verify.comparable(policy, checkpoint, older, findings)
        log = WholeLog(checks, checkpoint, compared, self._note_tile)
        if await self._read(log, checkpoint.size):
            await note_lone(self._connection, writes, findings, size=checkpoint.size)
        checks.evidence.used.update(
            kept
        )  # more is kept than events speak of: before-images, inputs of tries that came later
        log.finish()
        await self._compare_tiles()
        for event_id in await sealed.left_out(self._connection, MOST_LEFT_OUT):
            message = f"event {event_id} is not in the log: it was put in beside it, after what is as old was sealed"
            findings.add(TamperedError(message), None, event_id)
        for definition in await sealed.forged_definitions(self._connection, MOST_LEFT_OUT):
            findings.add(TamperedError(f"{definition} does not hold what its hash says: it was changed"))
        facts |= {
            "events": checks.events,
            "entries": log.tree.size,
            "payloads": len(kept) + len(writes.at),
            "checkpoints": len(compared),
            "dropped": sum(one.events for one in checks.dropped),
        }
        return Verified(findings=findings, facts=facts, dropped=checks.dropped)

    async def _unsigned(self, size: int) -> int:
        """Return how many events are not signed yet: nothing is said about them."""
        status = await reports.log_status(self._connection)
        unsealed = status["unsealed"] if status else 0
        return int(unsealed) + await sealed.unsigned(self._connection, size)

    async def _kept(self) -> Kept:
        """Return the commitments of everything that is kept, but for values that were written."""
        found = Kept()
        contents, after = await self._contents((-1, -1))
        while after is not None:
            # The next ones are read while these are hashed: PostgreSQL works on one and this process on the other.
            _, (contents, after) = await asyncio.gather(asyncio.to_thread(_put, found, contents), self._contents(after))
        return found

    async def _contents(
        self, after: tuple[int, int]
    ) -> tuple[Sequence[tuple[int, bytes, bytes]], tuple[int, int] | None]:
        """Return what the next interactions have kept, and the last of these; None where there are no more."""
        some = await sealed.interactions(self._connection, after, FEW)
        if not some:
            return [], None
        return await sealed.contents(self._connection, some), some[-1]

    async def _own(self, findings: Findings) -> list[Checkpoint]:
        """Return the database's own checkpoints, of all epochs: the tree goes on through them."""
        found = []
        for note in await sealed.notes(self._connection):
            try:
                found.append(wave_verify.parse_checkpoint(note.encode()))
            except TamperedError as error:
                findings.add(error)
        return found

    async def _read(self, log: WholeLog, size: int) -> bool:
        """Read the log, and say whether all of it is there."""
        rows, self._stored = await self._stretch(0, size)
        for first in range(0, size, STRETCH):
            # The next stretch is read while this one is hashed, in a thread: somebody may want to know how far it is.
            is_whole, (following, stored) = await asyncio.gather(
                asyncio.to_thread(self._take, log, rows), self._stretch(first + STRETCH, size)
            )
            if not is_whole or len(rows) < min(first + STRETCH, size) - first:
                message = "the entry is not there: the log was cut, or has a hole"
                log.checks.findings.add(TamperedError(message), log.tree.size)
                return False
            rows, self._stored = following, stored
        return True

    async def _stretch(self, first: int, size: int) -> tuple[Sequence[sealed.Entry], dict[int, bytes]]:
        """Return the entries from an index on with the tiles of the lowest level that they fill; nothing at the end."""
        if first >= size:
            return [], {}
        rows = await sealed.entries(self._connection, first, min(first + STRETCH, size))
        before = (0, first // wave_verify.TILE - 1)
        some = await sealed.all_tiles(self._connection, before, STRETCH // wave_verify.TILE + 2)
        return rows, {index: hashes for level, index, hashes, _ in some if level == 0}

    def _take(self, log: WholeLog, rows: Sequence[sealed.Entry]) -> bool:
        for row in rows:
            if row.log_index != log.tree.size:
                return False
            event = None
            try:
                event = _event(row.event, self._source) if row.event is not None else None
            except (TamperedError, ValueError, KeyError) as error:
                found = TamperedError(f"it cannot be what was sealed: {error!s:.200}")
                log.checks.findings.add(found, row.log_index, row.event.event_id if row.event else None)
            log.add(row.entry, event)
        return True

    def _note_tile(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        if len(hashes) < wave_verify.TILE:
            return
        self._tiles[level, index] = hashlib.sha256(b"".join(hashes)).digest()
        stored = self._stored.get(index) if level == 0 else None
        if stored is not None and stored != b"".join(hashes):
            places = [at for at, one in enumerate(hashes) if stored[32 * at : 32 * at + 32] != one]
            self._differs(level, index, index * wave_verify.TILE + places[0])

    async def _compare_tiles(self) -> None:
        """Hold the tiles that are kept against those that the entries have."""
        after = (-1, -1)
        while some := await sealed.all_tiles(self._connection, after, TILES):
            for level, index, hashes, _ in some:
                expected = self._tiles.pop((level, index), None)
                if level > 0 and expected is not None and hashlib.sha256(hashes).digest() != expected:
                    self._differs(level, index, None)
            after = some[-1][:2]
        for level, index in self._tiles:
            self._findings.add(TamperedError(f"tile {index} of level {level} is not there"))

    def _differs(self, level: int, index: int, place: int | None) -> None:
        message = f"tile {index} of level {level} does not hold the hashes of the entries"
        self._findings.add(TamperedError(message), place)


def _nothing(older: Sequence[Checkpoint]) -> TamperedError | IncompleteError:
    """Return what it means that nothing is signed, beside older checkpoints."""
    if not older:
        return IncompleteError("nothing of the log is signed")
    most = max(one.size for one in older)
    return TamperedError(f"a checkpoint is of {most} entries, and nothing of the log is signed: it was cut")


def _event(event: stored_event.Event, source: str) -> wave_verify.Event:
    data = orjson.loads(event.data)
    if not isinstance(data, dict):
        raise TamperedError("its data is no object")
    cause = None
    if event.cause_interaction_id is not None and event.cause_seq is not None:
        cause = event.cause_interaction_id, event.cause_seq
    return wave_verify.Event(
        event.event_id,
        event.recorded_us,
        event.db_user,
        event.type,
        event.run_id,
        event.interaction_id,
        event.seq,
        cause,
        event.correlation_id,
        data,
        wave_verify.promises(data),
        hashlib.sha256(stored_event.body(event, source=source)).hexdigest(),
    )


def _put(kept: Kept, contents: Sequence[tuple[int, bytes, bytes]]) -> None:
    for interaction, nonce, content in contents:
        kept.put(hashlib.sha256(nonce + content).digest(), interaction)
