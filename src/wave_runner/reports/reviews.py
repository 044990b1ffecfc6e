"""How people keep up with their tasks and how they decide them: what waits, how far they agree, what they change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from wave_runner.core import reviewing
from wave_runner.core.pinned import read_step
from wave_runner.core.proposal import proposed
from wave_runner.core.reviewing import Agreement, CorrectedActor, CorrectedField, Decided, ReviewedStep, Said
from wave_runner.store import definitions
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.core.pinned import PinnedStep
    from wave_runner.store.database import Connection, Database, Row

RUNS, LOOK = 20, 2_000
LATELY_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What waits in a queue, over all runs, and how fast it gets less.

    `lately` tasks were decided in the last hour; at that pace the queue is empty in `left_s` seconds. None: none was.
    """

    queue: str
    tasks: int
    claimed: int
    overdue: int
    oldest: datetime
    lately: int
    left_s: float | None


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """The whole report, of the newest `tasks` that people have decided in the newest `of_runs` runs.

    With `older` there are more of them in these runs, which were not looked at.
    """

    of_runs: int
    tasks: int
    older: bool
    queues: list[Desk]
    steps: list[ReviewedStep]
    agreement: list[Agreement]
    actors: list[CorrectedActor]
    fields: list[CorrectedField]


async def reviews(database: Database, *, workflow: str | None = None, runs: int = RUNS, look: int = LOOK) -> Reviews:
    """Return how people decide in so many of the newest runs, of one workflow where that is asked for."""
    async with stored.snapshot(database) as connection:
        rows = await stored.reviews(connection, workflow=workflow, runs=runs, limit=look + 1, lately_s=LATELY_S)
        waiting = await stored.queues_of_people(connection)
        forms = _Forms(connection)
        decided = [await _decided(row, forms) for row in rows[:look]]
    lately = Counter(row["queue"] for row in rows[:look] if row["lately"])
    return Reviews(
        of_runs=runs,
        tasks=len(decided),
        older=len(rows) > look,
        queues=[_desk(row, lately[row["queue"]]) for row in waiting],
        steps=reviewing.steps(decided),
        agreement=reviewing.agreement(decided),
        actors=reviewing.corrected_actors(decided),
        fields=reviewing.corrected_fields(decided),
    )


def _desk(row: Row, lately: int) -> Desk:
    return Desk(**row, lately=lately, left_s=row["tasks"] * LATELY_S / lately if lately else None)


class _Forms:
    """The steps of runs as they were pinned, with the fields of their forms: each is read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._steps: dict[int, dict[str, PinnedStep]] = {}
        self._fields: dict[str, Sequence[str]] = {}

    async def steps(self, run_id: int) -> dict[str, PinnedStep]:
        if run_id not in self._steps:
            pinned = [read_step(body) for body in await stored.run_definition(self._connection, run_id)]
            self._steps[run_id] = {one.step.name: one for one in pinned}
        return self._steps[run_id]

    async def fields(self, sha256: str) -> Sequence[str]:
        if sha256 not in self._fields:
            bodies = await definitions.bodies(self._connection, [sha256])
            form = orjson.loads(bodies[sha256])
            named = form.get("properties") if isinstance(form, dict) else None
            self._fields[sha256] = list(named) if isinstance(named, dict) else []
        return self._fields[sha256]


async def _decided(row: Row, forms: _Forms) -> Decided:
    steps = await forms.steps(row["run_id"])
    shown: Mapping[str, Any] = orjson.loads(row["input"] or "{}")
    pinned = steps.get(row["step"])  # a rerun may have brought a step that the run did not begin with
    fields = await forms.fields(pinned.output_sha256) if pinned is not None else ()
    inputs = pinned.step.input if pinned is not None else {}
    actors = {name: one.step.actor for name, one in steps.items()}
    return Decided(
        task=row["interaction_id"],
        workflow=row["workflow"],
        step=row["step"],
        needs=row["needs"],
        blind=row["blind"],
        said=[_said(orjson.loads(data)) for data in row["said"]],
        answer=orjson.loads(row["output"]) if row["output"] is not None and row["input"] is not None else None,
        proposed=proposed(shown, fields),
        proposers=reviewing.proposers(inputs, actors, shown, fields),
    )


def _said(data: Mapping[str, Any]) -> Said:
    seconds = None if "pick" in data else data["us"] / 1_000_000
    return Said(person=data["person"], chosen=data["decision"], seconds=seconds)
