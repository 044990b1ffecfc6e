"""Shadows: experiments that are given the results of a run while it goes on, in the order of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from wave_runner.core.event import EventType
from wave_runner.core.experiment import RunKind
from wave_runner.store import events, records
from wave_runner.store.database import Connection, Database, fetch


@dataclass(frozen=True, kw_only=True)
class SourceRun:
    """A run that a shadow is to be beside. `goes_on`: it has not ended, and nobody has cancelled it."""

    workflow: str
    kind: RunKind
    goes_on: bool


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """A shadow that is given results yet, and is ours to feed until the transaction ends."""

    run_id: int
    step: str
    asked: int
    seed: str
    share: float
    source_run_id: int
    looked_to: int
    fed: int
    run_step_id: int
    correlation_id: UUID


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The next entries of the log, before the index `following`. `is_end`: the last one tells that the source ended."""

    following: int
    is_end: bool


@dataclass(frozen=True, kw_only=True)
class Result:
    """A result of the source that a shadow has not been given."""

    interaction_id: int
    record_id: int
    key: str


async def source(connection: Connection, run_id: int) -> SourceRun | None:
    """Return the run that a shadow is to be beside; None if there is none."""
    rows = await fetch(connection, "shadows/source", {"run_id": run_id})
    return SourceRun(**{**rows[0], "kind": RunKind(rows[0]["kind"])}) if rows else None


async def begins_at(connection: Connection, run_id: int) -> int:
    """Return the index from which on the log tells of a run."""
    return int((await fetch(connection, "shadows/begins_at", {"run_id": run_id}))[0]["log_index"])


async def due(database: Database) -> list[int]:
    """Return the shadows that are given results yet, but for those that are held."""
    return [row["run_id"] for row in await database.fetch("shadows/due")]


async def lock(connection: Connection, run_id: int) -> Shadow | None:
    """Keep others from feeding a shadow. None if somebody does, or if it is given nothing any more."""
    rows = await fetch(connection, "shadows/lock", {"run_id": run_id})
    return Shadow(**rows[0]) if rows else None


async def stretch(connection: Connection, shadow: Shadow, *, size: int) -> Stretch | None:
    """Return the next entries of the log, at most `size`, up to the end of the source; None while there is none."""
    given = {"looked_to": shadow.looked_to, "size": size, "source_run_id": shadow.source_run_id}
    [row] = await fetch(connection, "shadows/stretch", given)
    return Stretch(**row) if row["following"] is not None else None


async def results(connection: Connection, shadow: Shadow, following: int) -> list[Result]:
    """Return what a shadow can be given of a stretch of the log, in its order."""
    about = {"run_id": shadow.run_id, "run_step_id": shadow.run_step_id, "source_run_id": shadow.source_run_id}
    place = {"step": shadow.step, "looked_to": shadow.looked_to, "following": following}
    return [Result(**row) for row in await fetch(connection, "shadows/results", {**about, **place})]


async def feed(
    connection: Connection, shadow: Shadow, given: Sequence[Result], nonces: Sequence[bytes], *, most: int
) -> int:
    """Give a shadow the first `most` of these results, each with the nonce of its commitment. Returns how many.

    What was erased meanwhile is none, and the next one takes its place.
    """
    await records.lock(connection, [one.record_id for one in given])
    about: dict[str, Any] = {
        "run_id": shadow.run_id,
        "run_step_id": shadow.run_step_id,
        "source_run_id": shadow.source_run_id,
        "source_ids": [one.interaction_id for one in given],
        "nonces": list(nonces),
        "most": most,
    }
    return int((await fetch(connection, "shadows/feed", about))[0]["n"])


async def advance(
    connection: Connection, shadow: Shadow, *, looked_to: int, fed: int, closes: str | None, runner_id: UUID
) -> None:
    """Note how far a shadow has come and why it is given nothing more, if that is so, with the event."""
    given = {"run_id": shadow.run_id, "looked_to": looked_to, "fed": fed, "closes": closes is not None}
    await fetch(connection, "shadows/advance", given)
    if not fed and closes is None:
        return
    data = {"source": shadow.source_run_id, "fed": fed, "before": looked_to, "closed": closes}
    await events.append(
        connection,
        EventType.SHADOW_FED,
        data,
        run_id=shadow.run_id,
        correlation_id=shadow.correlation_id,
        runner_id=runner_id,
    )
