"""Results that are wrong: rerun exactly those, take that back, have them count for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from wave_runner.api.acting import Actor, Theirs
from wave_runner.api.documents import Document, described
from wave_runner.api.given import Body, Filter, Mark, Name, Number, Reason
from wave_runner.engine import Engine
from wave_runner.errors import ProjectError
from wave_runner.runner.repair import Choice, Invalidated, Preview, Started, undone_document

router = APIRouter(tags=["repairs"])
RERUN, INVALIDATE, UNDO = "wave.rerun.v1", "wave.invalidate.v1", "wave.rerun_undo.v1"
RERUN_PARTS = described(RERUN, preview=Preview | None, started=Started | None)
INVALIDATE_PARTS = described(INVALIDATE, preview=Preview | None, done=Invalidated | None)
UNDO_PARTS = described(UNDO, rerun=int, undone=bool, runs=list[dict[str, Any]])
Rerun = Annotated[Number, Path(description="the number of the rerun")]


class Chosen(Body):
    """Which results: `step` with all that it has led to, `only` that step alone, or without either all that are stale.

    A filter names columns of the record's table and, of the result, state, rule, error, model and the like. A query is
    for the command alone: nothing that is sent here is ever run.
    """

    workflow: Name
    step: Name | None = None
    only: Name | None = None
    stale: bool = False
    where: Filter = ""
    records: Annotated[list[Name], Field(max_length=100_000)] | None = None
    run: Number | None = None

    def choice(self, engine: Engine) -> Choice:
        """Return it as the engine takes it."""
        if [bool(self.step), bool(self.only), self.stale].count(True) != 1:
            raise ProjectError("say what is meant: one of step, only and stale")
        keys = None if self.records is None else tuple(self.records)
        step, leads_on = self.step or self.only, self.only is None
        return engine.redoing().choice(
            self.workflow, step, where=self.where, keys=keys, run_id=self.run, leads_on=leads_on
        )


class Redo(Chosen):
    """`mark` is what the preview has named. The reason is kept: name nobody in it."""

    reason: Reason
    mark: Mark


class Wrong(Body):
    """Which results of a step are wrong."""

    workflow: Name
    step: Name
    where: Filter = ""
    records: Annotated[list[Name], Field(max_length=100_000)] | None = None
    run: Number | None = None

    def choice(self, engine: Engine) -> Choice:
        """Return it as the engine takes it."""
        keys = None if self.records is None else tuple(self.records)
        return engine.redoing().choice(self.workflow, self.step, where=self.where, keys=keys, run_id=self.run)


class Invalidate(Wrong):
    """`mark` is what the preview has named. The reason is kept: name nobody in it."""

    reason: Reason
    mark: Mark


@router.post("/rerun/preview", responses=RERUN_PARTS)
async def preview_rerun(engine: Theirs, chosen: Chosen) -> Document:
    """Say what would be redone, and change nothing: `wave rerun` without --yes."""
    choice = await engine.redoing().as_taken(chosen.choice(engine))
    return Document(RERUN, {"preview": await engine.repair().preview(choice), "started": None})


@router.post("/rerun", responses=RERUN_PARTS)
async def rerun(acting: Actor, chosen: Redo) -> Response:
    """Redo exactly what the preview has named: `wave rerun --yes`."""

    async def act() -> Mapping[str, Any]:
        choice = await acting.engine.redoing().as_taken(chosen.choice(acting.engine))
        started = await acting.engine.redoing().rerun(choice, reason=chosen.reason, expect=chosen.mark)
        return {"preview": None, "started": started}

    return await acting.once(RERUN, chosen, act)


@router.post("/rerun/{rerun}/undo/preview", responses=UNDO_PARTS)
async def preview_undo(engine: Theirs, rerun: Rerun) -> Document:
    """Say what would be brought back, and change nothing: `wave rerun undo` without --yes."""
    return Document(UNDO, await _undo(engine, rerun, dry=True))


@router.post("/rerun/{rerun}/undo", responses=UNDO_PARTS)
async def undo(engine: Theirs, rerun: Rerun) -> Document:
    """Take a rerun back: `wave rerun undo --yes`."""
    return Document(UNDO, await _undo(engine, rerun, dry=False))


@router.post("/invalidate/preview", responses=INVALIDATE_PARTS)
async def preview_invalidate(engine: Theirs, wrong: Wrong) -> Document:
    """Say what would count for nothing, and change nothing: `wave invalidate` without --yes."""
    found = await engine.repair().preview(wrong.choice(engine))
    return Document(INVALIDATE, {"preview": found, "done": None})


@router.post("/invalidate", responses=INVALIDATE_PARTS)
async def invalidate(acting: Actor, wrong: Invalidate) -> Response:
    """Have exactly what the preview has named count for nothing: `wave invalidate --yes`."""

    async def act() -> Mapping[str, Any]:
        choice = wrong.choice(acting.engine)
        done = await acting.engine.repair().invalidate(choice, reason=wrong.reason, expect=wrong.mark)
        return {"preview": None, "done": done}

    return await acting.once(INVALIDATE, wrong, act)


async def _undo(engine: Engine, rerun: int, *, dry: bool) -> dict[str, Any]:
    done = await engine.repair().undo(rerun, dry=dry)
    return {"rerun": rerun, "undone": not dry, "runs": [undone_document(known, undone) for known, undone in done]}
