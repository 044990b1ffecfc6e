"""Content-addressed definitions and the actors that point at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.core.event import EventType
from wave_runner.core.workflow import Definition
from wave_runner.errors import NotFoundError
from wave_runner.store import events
from wave_runner.store.database import Connection, Row, fetch


@dataclass(frozen=True, kw_only=True)
class Actor:
    """An actor as the database knows it: what is approved, and what a folder holds instead."""

    actor_id: int
    name: str
    kind: str
    state: str  # "active" | "drifted"
    approved: bytes  # the approved definition's body
    sha256: bytes
    approved_by: str | None
    drifted: bytes | None


async def put(connection: Connection, definitions: Sequence[Definition]) -> dict[tuple[str, str, bytes], int]:
    """Store definitions that are not there yet; return the id of each by (kind, name, hash)."""
    arrays = {
        "kinds": [str(definition.kind) for definition in definitions],
        "names": [definition.name for definition in definitions],
    }
    await fetch(connection, "definitions/put", {**arrays, "bodies": [definition.body for definition in definitions]})
    hashes = [definition.sha256 for definition in definitions]
    rows = await fetch(connection, "definitions/find", {**arrays, "hashes": hashes})
    return {(row["kind"], row["name"], bytes(row["sha256"])): row["definition_id"] for row in rows}


async def body(connection: Connection, kind: str, sha256: bytes) -> bytes:
    """Return a definition's bytes by its hash."""
    rows = await fetch(connection, "definitions/body", {"kind": kind, "sha256": sha256})
    if not rows:
        raise NotFoundError(f"no {kind} with SHA-256 {sha256.hex()} is stored")
    return bytes(rows[0]["body"])


async def file_body(connection: Connection, sha256: bytes) -> bytes:
    """Return the bytes of a project file by their hash, whatever kind of file it is."""
    rows = await fetch(connection, "definitions/file_body", {"sha256": sha256})
    if not rows:
        raise NotFoundError(f"no file with SHA-256 {sha256.hex()} is stored")
    return bytes(rows[0]["body"])


async def actors(connection: Connection) -> dict[str, Actor]:
    """Return every actor by name."""
    rows = await fetch(connection, "actors/list")
    return {
        row["name"]: Actor(
            actor_id=row["actor_id"],
            name=row["name"],
            kind=row["kind"],
            state=row["state"],
            approved=bytes(row["body"]),
            sha256=bytes(row["sha256"]),
            approved_by=row["approved_by"],
            drifted=bytes(row["drifted_body"]) if row["drifted_body"] is not None else None,
        )
        for row in rows
    }


async def history(connection: Connection, actor: str | None) -> list[Row]:
    """Return what has become of an actor, or of all, from the log: the oldest first."""
    return await fetch(connection, "actors/history", {"actor": actor})


async def register(connection: Connection, definition: Definition, *, kind: str, by: str) -> bool:
    """Make an actor known; its first definition is approved by whoever brings it. False if it was known."""
    key = {"name": definition.name, "sha256": definition.sha256}
    rows = await fetch(connection, "actors/register", {**key, "kind": kind})
    if not rows:
        return False
    await fetch(connection, "definitions/approve", {"definition_id": rows[0]["definition_id"], "by": by})
    await events.append(
        connection,
        EventType.ACTOR_REGISTERED,
        {"first_use": True, "by": by},
        actor=definition.name,
        definition=definition.sha256,
    )
    return True


async def mark_drifted(connection: Connection, definition: Definition, *, approved: bytes) -> bool:
    """Stop an actor whose folder holds something else than what is approved. False if that was known."""
    key = {"name": definition.name, "sha256": definition.sha256}
    if not await fetch(connection, "actors/drift", key):
        return False
    await events.append(
        connection,
        EventType.ACTOR_DRIFTED,
        {"approved": approved.hex(), "found": definition.sha256.hex()},
        actor=definition.name,
        definition=definition.sha256,
    )
    return True


async def restore(connection: Connection, name: str, *, approved: bytes) -> bool:
    """Let an actor work again because its folder holds the approved definition again. False if it was active."""
    if not await fetch(connection, "actors/restore", {"name": name}):
        return False
    await events.append(connection, EventType.ACTOR_RESTORED, {"by_hash": True}, actor=name, definition=approved)
    return True


async def approve(connection: Connection, definition: Definition, *, by: str, dev: bool = False) -> bool:
    """Make what the folder holds the approved definition. False if it was approved already."""
    key = {"name": definition.name, "sha256": definition.sha256}
    rows = await fetch(connection, "actors/approve", key)
    if not rows:
        return False
    await fetch(connection, "definitions/approve", {"definition_id": rows[0]["definition_id"], "by": by})
    await events.append(
        connection,
        EventType.ACTOR_APPROVED,
        {"by_hash": False, "dev": dev, "by": by},
        actor=definition.name,
        definition=definition.sha256,
    )
    return True
