"""What runs have staged, batch by batch, and what the one who asks says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from wave_runner.api.acting import Actor, Theirs
from wave_runner.api.documents import Document, Opened, described
from wave_runner.api.given import Body, Filter, Mark, Name, Number, Reason, Storable
from wave_runner.runner.preflight import read_rows
from wave_runner.store.batches import Batch as Staged

router = APIRouter(tags=["staging"])
BATCHES, TAKEN_UP = "wave.batches.v1", "wave.staging_taken_up.v1"
REJECTED, JUDGED = "wave.staging_rejected.v1", "wave.batch_judged.v1"
TAKEN_UP_PARTS = described(TAKEN_UP, batch=int, rows=int, mark=str, run=int | None)
REJECTED_PARTS = described(REJECTED, batch=int, rows=int, mark=str, rejected=int | None)
JUDGED_PARTS = described(JUDGED, batch=int, approved=bool, records=int)
Batch = Annotated[Number, Path(description="the batch, by the number of its run")]


class Rows(Body):
    """Which rows: a filter of id, state, source, key, rule, field, raw.FIELD."""

    where: Filter = ""


class Act(Rows):
    """`mark` is what the preview has named. The reason is kept."""

    mark: Mark
    reason: Reason


class Again(Act):
    """`step` is the one that decides, where there are several."""

    step: Name | None = None


class Promote(Again):
    """`key` is that of the one row; `set` says what columns are to be."""

    key: Name | None = None
    set: Annotated[dict[Name, Any], Storable] = Field(default_factory=dict)


class Judge(Body):
    """The reason is kept. `expect`: only if so many records are missing."""

    reason: Reason
    expect: Annotated[int, Field(ge=0)] | None = None


@router.get("/staging", responses=described(BATCHES, rows=list[Staged]))
async def batches(engine: Opened) -> Document:
    """List the batches: `wave staging list`."""
    return Document(BATCHES, {"rows": await engine.batches().known()})


@router.post("/staging/{batch}/revalidate/preview", responses=TAKEN_UP_PARTS)
async def preview_revalidate(engine: Theirs, batch: Batch, rows: Rows) -> Document:
    """Say which rows would be validated again, and change nothing: `wave staging revalidate` without --yes."""
    return await _look(engine, "revalidate", batch, rows)


@router.post("/staging/{batch}/revalidate", responses=TAKEN_UP_PARTS)
async def revalidate(acting: Actor, batch: Batch, rows: Again) -> Response:
    """Have exactly the rows that the preview has named validated again: `wave staging revalidate --yes`."""

    async def act() -> Mapping[str, Any]:
        terms = read_rows(rows.where)
        run_id = await acting.engine.taking_up().revalidate(
            batch, terms, step=rows.step, reason=rows.reason, expect=rows.mark
        )
        return _taken_up(batch, rows.mark, run_id)

    return await acting.once(TAKEN_UP, rows, act)


@router.post("/staging/{batch}/promote/preview", responses=TAKEN_UP_PARTS)
async def preview_promote(engine: Theirs, batch: Batch, rows: Rows) -> Document:
    """Say which rows would be promoted, and change nothing: `wave staging promote` without --yes."""
    return await _look(engine, "promote", batch, rows)


@router.post("/staging/{batch}/promote", responses=TAKEN_UP_PARTS)
async def promote(acting: Actor, batch: Batch, rows: Promote) -> Response:
    """Promote exactly the rows that the preview has named: `wave staging promote --yes`."""

    async def act() -> Mapping[str, Any]:
        run_id = await acting.engine.taking_up().promote(
            batch,
            read_rows(rows.where),
            step=rows.step,
            key=rows.key,
            values=rows.set,
            reason=rows.reason,
            expect=rows.mark,
        )
        return _taken_up(batch, rows.mark, run_id)

    return await acting.once(TAKEN_UP, rows, act)


@router.post("/staging/{batch}/reject/preview", responses=REJECTED_PARTS)
async def preview_reject(engine: Theirs, batch: Batch, rows: Rows) -> Document:
    """Say which rows would be rejected, and change nothing: `wave staging reject` without --yes."""
    chosen = await engine.batches().choose("reject", batch, read_rows(rows.where))
    found = {"batch": batch, "rows": len(chosen.ids), "mark": chosen.mark, "rejected": None}
    return Document(REJECTED, found)


@router.post("/staging/{batch}/reject", responses=REJECTED_PARTS)
async def reject(acting: Actor, batch: Batch, rows: Act) -> Response:
    """Reject exactly the rows that the preview has named: `wave staging reject --yes`."""

    async def act() -> Mapping[str, Any]:
        terms = read_rows(rows.where)
        done = await acting.engine.batches().reject(batch, terms, reason=rows.reason, expect=rows.mark)
        return {"batch": batch, "rows": done, "mark": rows.mark, "rejected": done}

    return await acting.once(REJECTED, rows, act)


@router.post("/staging/{batch}/approve", responses=JUDGED_PARTS)
async def approve(acting: Actor, batch: Batch, judge: Judge) -> Response:
    """Say that what the held batch has not has vanished: `wave staging approve`."""

    async def act() -> Mapping[str, Any]:
        records = await acting.engine.batches().approve(batch, reason=judge.reason, expect=judge.expect)
        return {"batch": batch, "approved": True, "records": records}

    return await acting.once(JUDGED, judge, act)


@router.post("/staging/{batch}/refuse", responses=JUDGED_PARTS)
async def refuse(acting: Actor, batch: Batch, judge: Judge) -> Response:
    """Say that it is still there, and the source was broken: `wave staging refuse`."""

    async def act() -> Mapping[str, Any]:
        records = await acting.engine.batches().refuse(batch, reason=judge.reason, expect=judge.expect)
        return {"batch": batch, "approved": False, "records": records}

    return await acting.once(JUDGED, judge, act)


async def _look(engine: Theirs, kind: str, batch: int, rows: Rows) -> Document:
    chosen = await engine.batches().choose(kind, batch, read_rows(rows.where))
    return Document(TAKEN_UP, {"batch": batch, "rows": len(chosen.ids), "mark": chosen.mark, "run": None})


def _taken_up(batch: int, mark: str, run_id: int) -> dict[str, Any]:
    return {"batch": batch, "rows": int(mark.partition("-")[0]), "mark": mark, "run": run_id}
