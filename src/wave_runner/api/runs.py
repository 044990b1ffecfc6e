"""Runs: which there are, and how one stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, WithJsonSchema

from wave_runner.api.documents import Document, Opened, described, parts_of
from wave_runner.api.given import Now, Number, Text
from wave_runner.core.log_place import read_place
from wave_runner.reports.as_of import AsOf, as_of
from wave_runner.reports.dashboard import Dashboard, dashboard, document
from wave_runner.reports.overall import Overall
from wave_runner.reports.runs import LIMIT, Runs
from wave_runner.reports.runs import runs as read_runs

router = APIRouter(tags=["runs"])
STATUS, RUNS, AS_OF = "wave.status.v1", "wave.runs.v1", "wave.status.as_of.v1"
State = Literal["running", "waiting", "paused", "completed", "failed", "cancelled"]
STATUS_PARTS = parts_of(Overall) | {name: kind for name, kind in parts_of(Dashboard).items() if name != "overall"}

Place = Annotated[
    int | datetime,
    BeforeValidator(read_place),
    WithJsonSchema({"type": "string"}),
    Query(description="an index of the log, or a time: UTC, unless it says otherwise"),
]


@router.get("/runs", responses=described(RUNS, **parts_of(Runs)))
async def list_runs(
    engine: Opened,
    workflow: Text | None = None,
    state: State | None = None,
    before: Annotated[Number | None, Query(description="`next_before_id` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = LIMIT,
) -> Document:
    """List runs, the newest first: `wave report runs`."""
    found = await read_runs(engine.database, workflow=workflow, state=state, before=before, limit=limit)
    return Document(RUNS, found)


@router.get("/status", responses=described(STATUS, **STATUS_PARTS))
async def newest(engine: Opened, now: Now = False) -> Document:
    """Say how the newest run stands: `wave status`."""
    return Document(STATUS, document(await dashboard(engine.database, now=now)))


@router.get("/runs/{run_id}", responses=described(STATUS, **STATUS_PARTS))
async def one(engine: Opened, run_id: Number, now: Now = False) -> Document:
    """Say how a run stands: `wave status RUN`."""
    return Document(STATUS, document(await dashboard(engine.database, run_id, now=now)))


@router.get("/as-of", responses=described(AS_OF, **parts_of(AsOf)))
async def how_it_stood(
    engine: Opened,
    at: Place,
    run: Annotated[Number | None, Query(description="the run; the newest of then by default")] = None,
) -> Document:
    """Say how a run stood as far as the log says: `wave status --as-of WHERE`."""
    return Document(AS_OF, await as_of(engine.database, at, run))
