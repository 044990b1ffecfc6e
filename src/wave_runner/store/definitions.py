"""Content-addressed definitions, and the actors and workflows that point at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wave_runner.core.drift import Policy
from wave_runner.core.workflow import Definition
from wave_runner.errors import NotFoundError
from wave_runner.store.database import Connection, Row, fetch


@dataclass(frozen=True, kw_only=True)
class Actor:
    """An actor as the database knows it: what is approved, and what a folder holds, or its model server, instead.

    `policy` says what a change does. `weights` is the digest that was approved, None as long as none was loaded.
    """

    actor_id: int
    name: str
    kind: str
    state: str  # "active" | "drifted"
    approved: bytes  # the approved definition's body
    sha256: bytes
    approved_by: str | None
    drifted: bytes | None
    policy: Policy
    weights: str | None
    weights_found: str | None


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow as the database knows it: the file that is approved, and what a folder holds instead."""

    name: str
    approved: bytes
    sha256: bytes
    approved_by: str | None
    drifted: bytes | None
    policy: Policy


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


async def bodies(connection: Connection, hashes: Iterable[str]) -> dict[str, bytes]:
    """Return stored bytes by their SHA-256 in hex, whatever they are called and used for.

    Raises NotFoundError if one of them is not there.
    """
    wanted = set(hashes)
    if not wanted:
        return {}
    rows = await fetch(connection, "definitions/bodies", {"hashes": [bytes.fromhex(one) for one in sorted(wanted)]})
    found = {bytes(row["sha256"]).hex(): bytes(row["body"]) for row in rows}
    if missing := sorted(wanted - found.keys()):
        raise NotFoundError(f"nothing with SHA-256 {missing[0]} is stored")
    return found


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
            policy=Policy(row["policy"]),
            weights=row["weights"],
            weights_found=row["weights_found"],
        )
        for row in rows
    }


async def lock_actor(connection: Connection, name: str) -> None:
    """Let nobody find other weights of an actor, or approve anything of it, until the transaction ends."""
    await fetch(connection, "actors/lock", {"name": name})


async def workflows(connection: Connection) -> dict[str, Workflow]:
    """Return every workflow by name."""
    return {
        row["name"]: Workflow(
            name=row["name"],
            approved=bytes(row["body"]),
            sha256=bytes(row["sha256"]),
            approved_by=row["approved_by"],
            drifted=bytes(row["drifted_body"]) if row["drifted_body"] is not None else None,
            policy=Policy(row["policy"]),
        )
        for row in await fetch(connection, "workflows/list")
    }


async def history(connection: Connection, name: str | None) -> list[Row]:
    """Return what has become of an actor or a workflow, or of all, from the log: the oldest first."""
    return await fetch(connection, "actors/history", {"name": name})
