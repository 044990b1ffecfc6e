"""Picks: orders about exactly the interactions that somebody has picked from a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from wave_runner.api.acting import Acting, Actor, Theirs
from wave_runner.api.documents import Document, described, parts_of
from wave_runner.api.given import Body, Mark, Name, Number, Reason, Values
from wave_runner.core.interaction import State
from wave_runner.core.picks import Order
from wave_runner.engine import Engine
from wave_runner.reports import interactions
from wave_runner.runner import deciding_together, picking, repair
from wave_runner.store import reports as stored

router = APIRouter(tags=["picks"])
PICK, ORDER, RERUN = "wave.pick.v1", "wave.picked_order.v1", "wave.picked_rerun.v1"
TOGETHER = "wave.picked_tasks.v1"
PICKED = described(PICK, **parts_of(picking.Picked))
ORDERED = described(ORDER, pick_id=int, order=Order, preview=picking.PickPreview | None, done=int | None)
RERUN_PARTS = described(
    RERUN, pick_id=int, step=str, total=int, preview=repair.Preview | None, started=repair.Started | None
)
TOGETHER_PARTS = described(TOGETHER, pick_id=int, together=deciding_together.Together | None, decided=int | None)
PickId = Annotated[Number, Path(description="the pick, by the number that making it has given")]


class Like(Body):
    """Which interactions: those that the list shows for these words; with `interactions` only those of them."""

    run: Number | None = None
    step: Name | None = None
    state: State | None = None
    error_class: Name | None = None
    rule: Name | None = None
    record: Name | None = None
    interactions: Annotated[list[Number], Field(min_length=1, max_length=1000)] | None = None


class Decided(Body):
    """`mark` is what the preview has named. The reason is kept: name nobody in it."""

    mark: Mark
    reason: Reason


class Judged(Decided):
    """`answer` is what is answered to each; the reason is each decision's comment."""

    answer: Values


@router.post("/picks", responses=PICKED)
async def pick(engine: Theirs, like: Like) -> Document:
    """Pick all interactions of a run that the list shows for these words, as they are now: for an hour."""
    wanted = interactions.Wanted(step=like.step, state=like.state, error_class=like.error_class, rule=like.rule)
    async with stored.snapshot(engine.database) as connection:
        run_id, _ = await interactions.run_of(connection, like.run)
        collections = sorted(engine.project().collections)
        found = await interactions.like_that(connection, run_id, wanted, key=like.record, collections=collections)
    return Document(PICK, await engine.picking().pick(run_id, found, ids=like.interactions))


@router.post("/picks/{pick}/retry/preview", responses=ORDERED)
async def preview_retry(engine: Theirs, pick: PickId) -> Document:
    """Say which of them would be tried again, and why the others would not; change nothing."""
    return await _look(engine, pick, Order.RETRY)


@router.post("/picks/{pick}/retry", responses=ORDERED)
async def retry(acting: Actor, pick: PickId, decided: Decided) -> Response:
    """Try again exactly what the preview has named. Once more, it goes on where it was broken off."""
    return await _order(acting, pick, Order.RETRY, decided)


@router.post("/picks/{pick}/cancel/preview", responses=ORDERED)
async def preview_cancel(engine: Theirs, pick: PickId) -> Document:
    """Say which of them would end, and why the others would not; change nothing."""
    return await _look(engine, pick, Order.CANCEL)


@router.post("/picks/{pick}/cancel", responses=ORDERED)
async def cancel(acting: Actor, pick: PickId, decided: Decided) -> Response:
    """End exactly what the preview has named. Once more, it goes on where it was broken off."""
    return await _order(acting, pick, Order.CANCEL, decided)


@router.post("/picks/{pick}/rerun/preview", responses=RERUN_PARTS)
async def preview_rerun(engine: Theirs, pick: PickId) -> Document:
    """Say what would be redone of those that are of one step, with all that they have led to; change nothing."""
    results = await engine.picking().results(pick)
    found = await engine.repair().preview(await engine.redoing().choice_of(results))
    return Document(RERUN, _rerun(results, preview=found))


@router.post("/picks/{pick}/rerun", responses=RERUN_PARTS)
async def rerun(acting: Actor, pick: PickId, decided: Decided) -> Response:
    """Redo exactly what the preview has named: as `wave rerun`, in one transaction."""

    async def act() -> Mapping[str, Any]:
        engine = acting.engine
        results = await engine.picking().results(pick)
        choice = await engine.redoing().choice_of(results)
        return _rerun(results, started=await engine.redoing().rerun(choice, reason=decided.reason, expect=decided.mark))

    return await acting.once(RERUN, decided, act)


@router.post("/picks/{pick}/decide/preview", responses=TOGETHER_PARTS)
async def preview_decide(engine: Theirs, pick: PickId) -> Document:
    """Show the tasks among them that one answer may be given to, and say why not to the others; change nothing."""
    found = await engine.deciding_together().look(pick)
    return Document(TOGETHER, {"pick_id": pick, "together": found, "decided": None})


@router.post("/picks/{pick}/decide", responses=TOGETHER_PARTS)
async def decide(acting: Actor, pick: PickId, judged: Judged) -> Response:
    """Give one answer to exactly the tasks that the preview has named: `wave tasks decide-together`."""

    async def act() -> Mapping[str, Any]:
        deciding = acting.engine.deciding_together()
        done = await deciding.decide(pick, judged.answer, reason=judged.reason, expect=judged.mark)
        return {"pick_id": pick, "together": None, "decided": done}

    return await acting.once(TOGETHER, judged, act)


async def _look(engine: Engine, pick: int, order: Order) -> Document:
    found = await engine.picking().preview(pick, order)
    return Document(ORDER, {"pick_id": pick, "order": order, "preview": found, "done": None})


async def _order(acting: Acting, pick: int, order: Order, decided: Decided) -> Response:
    async def act() -> Mapping[str, Any]:
        done = await acting.engine.picking().order(pick, order, reason=decided.reason, expect=decided.mark)
        return {"pick_id": pick, "order": order, "preview": None, "done": done}

    return await acting.once(ORDER, decided, act)


def _rerun(results: picking.Results, **more: Any) -> dict[str, Any]:
    about = {"pick_id": results.pick_id, "step": results.step, "total": results.total}
    return {**about, "preview": None, "started": None, **more}
