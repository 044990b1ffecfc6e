"""Values that were written, as a live database has them, held against the events that commit to them."""

from __future__ import annotations

from wave_runner.audit.wave_verify import Event, Evidence, Findings, TamperedError
from wave_runner.core.sealing import CLOCK_BACK_US
from wave_runner.store import sealed
from wave_runner.store.database import Connection
from wave_runner.store.sealed import KeptWrite

AT_ONCE = 2_000


class Writes:
    """Every row of `value_writes`, by what commits to it. There may be very many: each takes one entry here."""

    def __init__(self) -> None:
        self.at: dict[bytes, int | None] = {}  # when each was written; None once an event has spoken of it
        self.erased: set[bytes] = set()  # rows whose hashes are gone, and no event has spoken of yet
        self.before_gone: dict[bytes, bytes] = {}  # the commitment to what stood there before, where that is gone

    async def read(self, connection: Connection, findings: Findings) -> None:
        """Take all rows; note those that cannot be true, whatever the log says, or cannot be what was committed to."""
        async for some in sealed.writes(connection, AT_ONCE, await sealed.written_runs(connection)):
            for kept in some:
                if problem := self._take(kept):
                    findings.add(TamperedError(f"{problem}: {kept.write}"), follows=True)

    def _take(self, kept: KeptWrite) -> str:
        try:
            promise = promise_of(kept)
        except ValueError as error:
            return f"it cannot be what was committed to ({error})"
        if kept.is_untrue:  # then it is not what was promised, whatever it says itself
            if kept.erased is not None:
                return "it is said to be erased, and its record was not, or is none of its interaction's"
            return "what stood there before is not what its hash says"
        if kept.erased is not None:
            self.erased.add(promise)
            return ""
        self.at[promise] = kept.write.written_us
        if kept.is_before_gone and kept.write.before_commitment is not None:
            self.before_gone[promise] = kept.write.before_commitment
        return ""

    def lone(self) -> set[bytes]:
        """Return the commitments to rows that no event has spoken of so far."""
        return self.erased | {promise for promise, at in self.at.items() if at is not None}


def promise_of(kept: KeptWrite) -> bytes:
    """Return the commitment to a row. Raises `ValueError` where nothing can have committed to it."""
    return kept.erased if kept.erased is not None else bytes.fromhex(kept.write.commitment())


class Kept(dict[bytes, int]):
    """The commitments of what is kept, each with the interaction that it stands with."""

    def __init__(self) -> None:
        super().__init__()
        self._copies: set[tuple[bytes, int]] = set()  # further places: where nobody has changed anything there are none

    def put(self, promise: bytes, interaction: int) -> None:
        """Note where a content stands."""
        if self.setdefault(promise, interaction) != interaction:
            self._copies.add((promise, interaction))

    def is_copied_to(self, promise: bytes, interaction: int) -> bool:
        """Say whether a content stands with this interaction too, beside the one that is named with it."""
        return (promise, interaction) in self._copies


class LiveEvidence(Evidence):
    """Evidence that stands where it belongs: two contents that were exchanged are both there, and both are false.

    That values were written is shown by their rows and by nothing else: no other content can stand for one.
    A row whose hashes are erased is there no more: an erasure has to name it, as any content that is gone. So it is
    with what stood in a value before.
    """

    def __init__(self, kept: Kept, writes: Writes, *, longest_transaction_us: int) -> None:
        super().__init__(kept)
        self._places = kept
        self._writes = writes
        self._longest_us = longest_transaction_us

    def add(self, event: Event, index: int) -> None:
        """Note what an event commits to, and take what it says is erased as erased."""
        if event.type != "values_written":
            super().add(event, index)
            return
        misdated = 0
        for promise in map(bytes.fromhex, event.promised):
            if promise not in self._writes.at:
                self._writes.erased.discard(promise)
                self._open[promise] = (index, event.event_id)
                continue
            at, self._writes.at[promise] = self._writes.at[promise], None
            misdated += at is not None and not -CLOCK_BACK_US <= event.recorded_us - at <= self._longest_us
            if (before := self._writes.before_gone.pop(promise, None)) is not None:
                self._open[before] = (index, event.event_id)
        if misdated:
            raise TamperedError(f"{misdated} of its values are said to be written long before it, or after it")

    def _has_copy(self, promise: bytes, interaction: int | None) -> bool:
        return promise in self._places if interaction is None else self._places.is_copied_to(promise, interaction)

    def _erase(self, event: Event) -> None:
        super()._erase(event)
        if still := {bytes.fromhex(one) for one in event.data["commitments"]} & self._writes.at.keys():
            raise TamperedError(
                f"the value that {min(still).hex()} commits to is still there, though this event says it was erased"
            )


async def note_lone(connection: Connection, writes: Writes, findings: Findings, *, size: int) -> None:
    """Note rows that no event of the log speaks of, signed or not; of very many only the first are named."""
    lone = writes.lone()
    if lone:
        lone -= {bytes.fromhex(one) for one in await sealed.unsigned_writes(connection, size=size)}
    if not lone:
        return
    named = 0
    async for some in sealed.writes(connection, AT_ONCE, await sealed.written_runs(connection)):
        for kept in some:
            if _is_one_of(kept, lone) and named < Findings.MOST:
                findings.add(TamperedError(f"no event speaks of it: {kept.write}"), follows=True)
                named += 1
        if named == min(len(lone), Findings.MOST):
            break
    findings.count += len(lone) - named


def _is_one_of(kept: KeptWrite, promises: set[bytes]) -> bool:
    try:
        return promise_of(kept) in promises
    except ValueError:
        return False
