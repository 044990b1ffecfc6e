"""The weights that an actor's model server holds, and whether the actor may ask them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from wave_runner.core.drift import Policy
from wave_runner.core.event import EventType
from wave_runner.store import events
from wave_runner.store.database import Connection, Database, fetch


async def may_ask(
    database: Database, actor: str, digest: str, *, server: str, model: str, loaded: bool, runner_id: UUID
) -> bool:
    """Say whether an actor may ask the weights of a digest, which a server holds under the name of a model.

    The first that are `loaded` for it are approved by that: before, a file may be anything. Others are drift, with its
    event; they may be asked where the actor's policy is to warn, or once somebody has approved them. Of a model that
    only an older definition names, nothing is known, and its runs go on.
    """
    of = {"actor": actor, "server": server, "model": model}
    [stands] = await database.fetch("weights/standing", of)
    if not stands["is_approved"] or (stands["weights"] is None and not loaded):
        return True
    if (stands["weights"], stands["weights_found"]) == (digest, None):
        return True
    async with database.transaction() as connection:
        key = {"actor": actor, "digest": digest}
        if await fetch(connection, "weights/register", key):
            await _tell(connection, EventType.ACTOR_REGISTERED, actor, runner_id, first_use=True, weights=digest)
            return True
        if await fetch(connection, "weights/restore", key):
            await _tell(connection, EventType.ACTOR_RESTORED, actor, runner_id, by_hash=True, weights=digest)
            return True
        for row in await fetch(connection, "weights/drift", key):
            changed = {"approved": row["approved"], "found": digest, "policy": row["policy"]}
            await _tell(connection, EventType.ACTOR_DRIFTED, actor, runner_id, of="weights", **changed)
        [stands] = await fetch(connection, "weights/standing", of)
    return bool(stands["weights"] == digest or stands["policy"] == Policy.WARN)


async def _tell(connection: Connection, type: EventType, actor: str, runner_id: UUID, **said: Any) -> None:
    await events.append(connection, type, said, actor=actor, runner_id=runner_id)
