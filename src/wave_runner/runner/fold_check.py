"""Whether each interaction is what its events say of it: all of them, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from wave_runner.core.event import EventType
from wave_runner.core.interaction import State
from wave_runner.core.projection import Folded, Told, fold_interaction
from wave_runner.store import as_of, events
from wave_runner.store import projections as stored
from wave_runner.store.database import Database

NAME = "interactions"
SHOWN = 5
LONGEST_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """All interactions against all events there are, `unsealed` of them not in the log yet, in one snapshot.

    `position` is how long the log was then. `first` says of the first wrong ones what they are and what they should be.
    """

    interactions: int
    position: int
    unsealed: int
    wrong: int
    first: tuple[str, ...]


async def verify_interactions(database: Database, *, by: str) -> Interactions:
    """Compare each interaction with the fold of its events, and say in the log what came of it."""
    async with database.snapshot() as connection:
        connection.allow(LONGEST_S)
        rows = await stored.wrong_interactions(connection, shown=SHOWN)
        position = await as_of.size(connection)
        places = [(row["run_id"], row["interaction_id"]) for row in rows if row["interaction_id"] is not None]
        told = await stored.events_of(connection, places) if places else []
    found = Interactions(
        interactions=rows[0]["interactions"],
        position=position,
        unsealed=rows[0]["unsealed"],
        wrong=rows[0]["total"] or 0,
        first=tuple(_differences(told)),
    )
    async with database.transaction() as connection:
        data = {"projection": NAME, "position": position, "rows": found.interactions, "wrong": found.wrong, "by": by}
        type = EventType.PROJECTION_DIVERGED if found.wrong else EventType.PROJECTION_VERIFIED
        await events.append(connection, type, data)
    return found


def _differences(told: Sequence[dict[str, Any]]) -> Iterator[str]:
    for (run_id, interaction_id), group in groupby(told, key=lambda row: (row["run_id"], row["interaction_id"])):
        rows = list(group)
        first = State.BLOCKED if rows[0]["is_state"] == State.BLOCKED else State.PENDING
        told_of = [_told(row) for row in rows if row["type"] is not None]
        folded = fold_interaction(told_of, first=first, in_force=not rows[0]["is_of_experiment"])
        said = [
            f"{name} {rows[0][f'is_{name}']}, and its events say {getattr(folded, name)}"
            for name in Folded.__dataclass_fields__
            if rows[0][f"is_{name}"] != getattr(folded, name)
        ]
        what = "; ".join(said) or "its step, actor, flow or times are not those of its events"
        yield f"run {run_id}, interaction {interaction_id}: {what}"


def _told(row: dict[str, Any]) -> Told:
    return Told(log_index=0, **{name: row[name] for name in Told._fields if name != "log_index"})
