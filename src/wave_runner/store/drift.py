"""What is approved of actors and workflows, and what has drifted from it. Each change is an event.

The first definition of a name is approved by whoever brings it. From then on a change is recorded once, however often
it is looked at, until somebody approves it, or it is taken back.
"""

from __future__ import annotations

from typing import Any

from wave_runner.core.drift import Policy
from wave_runner.core.event import EventType
from wave_runner.core.workflow import Definition
from wave_runner.store import events
from wave_runner.store.database import Connection, fetch


async def register(connection: Connection, definition: Definition, *, kind: str, policy: Policy, by: str) -> bool:
    """Make an actor known; its first definition is approved by whoever brings it. False if it was known."""
    key = {"name": definition.name, "sha256": definition.sha256}
    rows = await fetch(connection, "actors/register", {**key, "kind": kind, "policy": policy})
    if not rows:
        return False
    await fetch(connection, "definitions/approve", {"definition_id": rows[0]["definition_id"], "by": by})
    said = {"first_use": True, "by": by, "policy": policy}
    await _tell(connection, EventType.ACTOR_REGISTERED, said, definition)
    return True


async def tighten(connection: Connection, definition: Definition, *, was: Policy, policy: Policy, by: str) -> None:
    """Let a stricter policy hold for an actor from now on."""
    await fetch(connection, "actors/tighten", {"name": definition.name, "policy": policy})
    await _tell(connection, EventType.ACTOR_TIGHTENED, {"by": by, "was": was, "policy": policy}, definition)


async def mark(connection: Connection, definition: Definition, *, approved: bytes, policy: Policy) -> bool:
    """Record that a folder holds something else of an actor than what is approved. False if that was known."""
    if not await fetch(connection, "actors/drift", {"name": definition.name, "sha256": definition.sha256}):
        return False
    said = {"approved": approved.hex(), "found": definition.sha256.hex(), "policy": policy}
    await _tell(connection, EventType.ACTOR_DRIFTED, said, definition)
    return True


async def restore(connection: Connection, definition: Definition) -> bool:
    """Record that the folder holds the approved definition of an actor again. False if it had not drifted."""
    if not await fetch(connection, "actors/restore", {"name": definition.name}):
        return False
    await _tell(connection, EventType.ACTOR_RESTORED, {"by_hash": True}, definition)
    return True


async def approve(
    connection: Connection, definition: Definition, *, policy: Policy, by: str, dev: bool = False
) -> bool:
    """Make what the folder holds of an actor the approved definition, and what its server holds the approved weights.

    The folder's policy holds from now on, looser or not. False if all of that was so already.
    """
    key = {"name": definition.name, "sha256": definition.sha256, "policy": policy}
    rows = await fetch(connection, "actors/approve", key)
    if not rows:
        return False
    await fetch(connection, "definitions/approve", {"definition_id": rows[0]["definition_id"], "by": by})
    said: dict[str, Any] = {"by_hash": False, "dev": dev, "by": by, "policy": policy}
    weights = {"weights": rows[0]["weights"]} if rows[0]["weights"] is not None else {}
    await _tell(connection, EventType.ACTOR_APPROVED, said | weights, definition)
    return True


async def register_workflow(connection: Connection, name: str, file: Definition, *, policy: Policy, by: str) -> bool:
    """Make a workflow known; its first file is approved by whoever brings it. False if it was known."""
    rows = await fetch(connection, "workflows/register", {**_of(name, file), "policy": policy})
    if not rows:
        return False
    await fetch(connection, "definitions/approve", {"definition_id": rows[0]["definition_id"], "by": by})
    said = {"workflow": name, "first_use": True, "by": by, "policy": policy}
    await _tell_workflow(connection, EventType.WORKFLOW_REGISTERED, said, file)
    return True


async def tighten_workflow(
    connection: Connection, name: str, file: Definition, *, was: Policy, policy: Policy, by: str
) -> None:
    """Let a stricter policy hold for a workflow from now on."""
    await fetch(connection, "workflows/tighten", {"name": name, "policy": policy})
    said = {"workflow": name, "by": by, "was": was, "policy": policy}
    await _tell_workflow(connection, EventType.WORKFLOW_TIGHTENED, said, file)


async def mark_workflow(
    connection: Connection, name: str, file: Definition, *, approved: bytes, policy: Policy
) -> bool:
    """Record that a folder holds another file of a workflow than what is approved. False if that was known."""
    if not await fetch(connection, "workflows/drift", _of(name, file)):
        return False
    said = {"workflow": name, "approved": approved.hex(), "found": file.sha256.hex(), "policy": policy}
    await _tell_workflow(connection, EventType.WORKFLOW_DRIFTED, said, file)
    return True


async def restore_workflow(connection: Connection, name: str, file: Definition) -> bool:
    """Record that the folder holds the approved file of a workflow again. False if it had not drifted."""
    if not await fetch(connection, "workflows/restore", {"name": name}):
        return False
    await fetch(connection, "interactions/unpark")
    await _tell_workflow(connection, EventType.WORKFLOW_RESTORED, {"workflow": name, "by_hash": True}, file)
    return True


async def approve_workflow(
    connection: Connection, name: str, file: Definition, *, policy: Policy, by: str, dev: bool = False
) -> bool:
    """Make what the folder holds of a workflow the approved file, under the folder's policy. False if it was so."""
    rows = await fetch(connection, "workflows/approve", {**_of(name, file), "policy": policy})
    if not rows:
        return False
    await fetch(connection, "definitions/approve", {"definition_id": rows[0]["definition_id"], "by": by})
    await fetch(connection, "interactions/unpark")
    said = {"workflow": name, "by_hash": False, "dev": dev, "by": by, "policy": policy}
    await _tell_workflow(connection, EventType.WORKFLOW_APPROVED, said, file)
    return True


def _of(name: str, file: Definition) -> dict[str, Any]:
    return {"name": name, "path": file.name, "sha256": file.sha256}


async def _tell(connection: Connection, type: EventType, said: dict[str, Any], definition: Definition) -> None:
    await events.append(connection, type, _plain(said), actor=definition.name, definition=definition.sha256)


async def _tell_workflow(connection: Connection, type: EventType, said: dict[str, Any], file: Definition) -> None:
    await events.append(connection, type, _plain(said), definition=file.sha256)


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Policy) else value for name, value in said.items()}
