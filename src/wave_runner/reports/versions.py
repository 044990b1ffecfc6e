"""What steps have pinned, as it is stored, and what was approved by whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.core.pinned import PinnedStep
from wave_runner.project.approvals import Approval, approval_of
from wave_runner.project.definitions import ScriptManifest, read_actor, read_script
from wave_runner.store import provenance

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Approved:
    """What was approved of an actor when its step was pinned: hash, since when, by whom."""

    sha256: str
    approved_at: datetime
    approved_by: str


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of the project as it was pinned."""

    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script as it was pinned: the hash of its manifest, the files that it is made of, and of the lock file."""

    entry: str
    sha256: str
    files: Mapping[str, str]
    lock: str


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Definitions by their hash in hex, and everything that was ever approved for an actor."""

    stored: frozenset[str]
    scripts: Mapping[str, ScriptManifest]
    approvals: Mapping[str, Sequence[Approval]]

    def approved(self, pinned: PinnedStep, *, by: datetime) -> Approved | None:
        """Return what was approved by then and covers what a step has pinned; None if nothing does."""
        of_actor = self.approvals.get(pinned.step.actor, ())
        approval = approval_of(pinned, of_actor, script=self.scripts.get(pinned.script_sha256), by=by)
        if approval is None:
            return None
        return Approved(sha256=approval.sha256, approved_at=approval.approved_at, approved_by=approval.approved_by)

    def script(self, pinned: PinnedStep) -> Script | None:
        """Return the script that a step has pinned; without files if its manifest is not stored."""
        if pinned.script is None:
            return None
        manifest = self.scripts.get(pinned.script_sha256)
        return Script(
            entry=pinned.script.entry,
            sha256=pinned.script_sha256,
            files=manifest.files if manifest is not None else {},
            lock=manifest.lock if manifest is not None else "",
        )

    def not_stored(self, pinned: PinnedStep) -> list[str]:
        """Return the hashes that a step has pinned and whose bytes are not there, a script's files among them."""
        manifest = self.scripts.get(pinned.script_sha256)
        files = [*manifest.files.values()] if manifest is not None else []
        return [sha256 for sha256 in (*hashes(pinned), *files) if sha256 not in self.stored]


def hashes(pinned: PinnedStep) -> list[str]:
    """Return the hashes of what a step names: prompt, schema, script, query."""
    named = (pinned.prompt_sha256, pinned.output_sha256, pinned.script_sha256, pinned.sql_sha256)
    return [sha256 for sha256 in named if sha256]


def file(path: str, sha256: str) -> File | None:
    """Return a file that a step names; None where it names none."""
    return File(path=path, sha256=sha256) if path else None


async def look_up(connection: Connection, steps: Collection[PinnedStep]) -> Versions:
    """Return what these steps have pinned, and the approvals of their actors."""
    named = await _bodies(connection, {sha256 for one in steps for sha256 in hashes(one)})
    scripts = {bytes(row["sha256"]).hex(): read_script(row["body"]) for row in named if row["kind"] == "script"}
    files = await _bodies(connection, {sha256 for one in scripts.values() for sha256 in one.files.values()})
    approvals: dict[str, list[Approval]] = {}
    for row in await provenance.approvals(connection, {one.step.actor for one in steps}):
        approvals.setdefault(row["name"], []).append(_approval(row))
    return Versions(
        stored=frozenset(bytes(row["sha256"]).hex() for row in (*named, *files)), scripts=scripts, approvals=approvals
    )


async def _bodies(connection: Connection, wanted: Collection[str]) -> list[Row]:
    return await provenance.bodies(connection, [bytes.fromhex(sha256) for sha256 in wanted])


def _approval(row: Row) -> Approval:
    return Approval(
        sha256=bytes(row["sha256"]).hex(),
        approved_at=row["approved_at"],
        approved_by=row["approved_by"],
        manifest=read_actor(bytes(row["body"])),
    )
