"""The integrity statement: how far the log can be relied on, when that was last checked, and what it cannot prove."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wave_runner.core.note import Note
from wave_runner.reports.log import LogStatus, log_status
from wave_runner.store import drops, sealed
from wave_runner.store.drops import Gone
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.audit.wave_verify import Checkpoint
    from wave_runner.store.database import Connection, Database, Row

LATE_S = 60.0  # a second is usual while a runner works
SHOWN = 10

CANNOT_PROVE = (
    "that what was recorded was true: an event says what a runner has seen and done",
    "what stands in your tables now: it commits to what was written there, and wave doctor compares the two",
    "anything about what is not sealed yet, or was sealed after the newest checkpoint that is kept outside",
    "anything to who keeps no checkpoint: whoever has the database, the key and every copy can write another history",
    "a time better than the database's clock, but for that at which somebody else has received a checkpoint",
    "that two readers were shown the same log, unless they compare their checkpoints",
    "that nobody has read what is recorded: reading leaves no event",
)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """One verification of the whole log. `log_index` is None until it is sealed itself.

    `policy` says whose keys were believed: "given", or the database's "own", which proves less.
    """

    at: datetime
    by: str
    result: str
    policy: str
    entries: int
    findings: int
    log_index: int | None


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """A new name under which the log went on: why, who wanted it and who agreed."""

    at: datetime
    log_index: int
    origin: str
    reason: str
    by: str
    approved_by: str


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """A key that took the place of another."""

    at: datetime
    log_index: int
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The newest checkpoint outside the database. `says` is how it goes with the database, in a word."""

    folder: str
    command: bool
    size: int | None
    says: str  # "same" | "older" | "newer than the database" | "of another log" | "none"


@dataclass(frozen=True, kw_only=True)
class Integrity:
    """How far the log can be relied on. `holes` are numbers of the log that are missing in its table.

    Late is a batch whose first event had waited more than a minute for its seal: no runner was at work, or none could
    seal. `witnesses` are signatures of the newest checkpoint by others than the log itself.
    """

    asked_at: datetime
    log: LogStatus
    checkpoints: int
    first_signed_at: datetime | None
    witnesses: list[str]
    outside: Copy
    holes: int
    late_batches: int
    longest_wait_s: float
    last_full_verify: Verification | None
    last_well: Verification | None
    since_then: int | None
    verifications: list[Verification]
    epochs: list[Epoch]
    rotations: list[Rotation]
    dropped: list[Gone]  # what the log has entries of, and no events any more
    cannot_prove: tuple[str, ...] = CANNOT_PROVE

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at before relying on the log; nothing where all is as it should be."""
        found = [f"the log is stopped: {self.log.stopped}"] if self.log.stopped else []
        found += [f"sealing fails: {self.log.trouble}"] if self.log.trouble else []
        if self.log.unsealed and self.log.behind_s > LATE_S:
            found.append(f"{self.log.unsealed:,} events are not sealed yet, the oldest for {self.log.behind_s:,.0f} s")
        found += [f"{self.holes:,} numbers of the log are missing"] if self.holes else []
        found += [] if self.outside.says in ("same", "older") else [f"outside checkpoint: {self.outside.says}"]
        if self.last_full_verify is None:
            return [*found, "the whole log was never verified: wave audit verify"]
        if self.last_full_verify.result != "ok":
            found.append(f"the last verification said {self.last_full_verify.result}")
        return found


async def integrity(database: Database, *, outside: Checkpoint | None, folder: str, command: bool) -> Integrity | None:
    """Return the statement; None where no runner has begun the log. `outside` is the newest checkpoint out there."""
    status = await log_status(database)
    if status is None:
        return None
    async with snapshot(database) as connection:
        stands = await sealed.standing(connection, late_s=LATE_S)
        checks = [_verification(row) for row in await sealed.verifications(connection, most=SHOWN)]
        epochs, rotations = await _anchors(connection)
        dropped = await drops.gone(connection)
    newest = checks[0] if checks else None
    return Integrity(
        asked_at=stands["asked_at"],
        log=status,
        checkpoints=stands["checkpoints"],
        first_signed_at=stands["first_signed_at"],
        witnesses=_witnesses(status),
        outside=_copy(status, outside, folder, command=command),
        holes=stands["holes"],
        late_batches=stands["late_batches"],
        longest_wait_s=stands["longest_s"],
        last_full_verify=newest,
        last_well=next((one for one in checks if one.result == "ok"), None),
        since_then=status.size - newest.entries if newest is not None else None,
        verifications=checks,
        epochs=epochs,
        rotations=rotations,
        dropped=dropped,
    )


async def verifications(database: Database) -> list[Verification]:
    """Return when the whole log was verified and what came of it, the newest first; ten at most."""
    async with snapshot(database) as connection:
        return [_verification(row) for row in await sealed.verifications(connection, most=SHOWN)]


def _witnesses(status: LogStatus) -> list[str]:
    if not status.checkpoint:
        return []
    return sorted({one.name for one in Note.parse(status.checkpoint).signatures} - {status.origin})


def _copy(status: LogStatus, outside: Checkpoint | None, folder: str, *, command: bool) -> Copy:
    size = outside.size if outside is not None else None
    if outside is None:
        says = "none"
    elif outside.origin != status.origin:
        says = "of another log"
    elif outside.size > status.size:
        says = "newer than the database"
    else:
        says = "same" if outside.size == status.signed_size else "older"
    return Copy(folder=folder, command=command, size=size, says=says)


def _verification(row: Row) -> Verification:
    said = json.loads(row["data"])
    return Verification(
        at=row["recorded_at"],
        by=said["by"],
        result=said["result"],
        policy=said["policy"],
        entries=said["entries"],
        findings=said["findings"],
        log_index=row["log_index"],
    )


async def _anchors(connection: Connection) -> tuple[list[Epoch], list[Rotation]]:
    epochs, rotations = [], []
    for entry in await sealed.anchors(connection):
        said: dict[str, Any] = json.loads(entry)
        at, index = datetime.fromtimestamp(said["at"] / 1_000_000, UTC), said["n"]
        if said["t"] == "epoch_opened":
            people = {name: said[name] for name in ("origin", "reason", "by", "approved_by")}
            epochs.append(Epoch(at=at, log_index=index, **people))
        elif said["t"] == "key_rotated":
            rotations.append(Rotation(at=at, log_index=index, old=said["old"], new=said["new"]))
    return epochs, rotations
