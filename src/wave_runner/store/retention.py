"""Contents that were kept long enough, counted from the end of their run: each chunk goes in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wave_runner.core.erasure import INTERACTION, PAYLOADS, STAGED, batches
from wave_runner.core.event import EventType
from wave_runner.store import events
from wave_runner.store.database import Connection, Row, fetch

CHUNK = 1_000


async def counts(connection: Connection, days: Mapping[str, int]) -> dict[str, int]:
    """Return how much of each class is older than so many days; of nothing that a hold is on."""
    given = {"classes": list(days), "days": list(days.values())}
    return {row["class"]: row["n"] for row in await fetch(connection, "retention/counts", given)}


async def erase_chunk(connection: Connection, days: Mapping[str, int], data: Mapping[str, Any]) -> dict[str, int]:
    """Erase some of what is older, and return how much of each kind; nothing where nothing is left.

    `data` goes into the events, which name what is gone by its commitments.
    """
    await fetch(connection, "holds/lock")
    erased = {}
    roles = {name: of for name, of in days.items() if name in PAYLOADS}
    if roles:
        given = {"classes": list(roles), "days": list(roles.values()), "size": CHUNK}
        gone = await fetch(connection, "retention/payloads", given)
        await _say_what(connection, gone, data)
        erased["payloads"] = len(gone)
    if INTERACTION in days:
        given = {"days": days[INTERACTION], "size": CHUNK}
        gone = await fetch(connection, "retention/interactions", given)
        await _say_what(connection, [row for row in gone if row["commitment"] is not None], data)
        erased["interactions"] = len({row["interaction_id"] for row in gone})
    if STAGED in days:
        erased["staged_records"] = len(
            await fetch(connection, "retention/staged", {"days": days[STAGED], "size": CHUNK})
        )
    return {name: n for name, n in erased.items() if n}


async def _say_what(connection: Connection, gone: Sequence[Row], data: Mapping[str, Any]) -> None:
    for run_id, commitments in batches((row["run_id"], row["commitment"]) for row in gone):
        said = {**data, "commitments": commitments}
        await events.append(connection, EventType.PAYLOAD_ERASED, said, run_id=run_id)
