"""What `wave report` answers at length."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from wave_runner.api.documents import Document, Opened, described, parts_of
from wave_runner.api.given import Name, Now, Number, Text
from wave_runner.core.notice import Alert
from wave_runner.reports import (
    about,
    access,
    alerts,
    compare,
    cost,
    delta,
    events,
    failures,
    matrix,
    record_states,
    reviews,
    runners,
    servers,
    waves,
)
from wave_runner.reports.dashboard import COUNTED, Dashboard, dashboard
from wave_runner.reports.dashboard import part as part_of
from wave_runner.reports.drawing import Drawing, draw
from wave_runner.reports.run_diagram import workflow_of
from wave_runner.store.access import AccessToken

router = APIRouter(tags=["reports"])
RunId = Annotated[Number | None, Query(alias="run", description="the run; the newest by default")]
Before = Annotated[Number | None, Query(description="`next_before_id` of the page before")]
PARTS = parts_of(Dashboard)
COMPARED = parts_of(compare.Compared) | {"total_pairs": int, "pairs": list[compare.ComparedPair]}


def _part(name: str) -> None:
    """Add the route of one part of the dashboard, as `wave report NAME` has it."""
    schema = f"wave.report.{name}.v1"

    async def part(engine: Opened, run: RunId = None) -> Document:
        return Document(schema, part_of(await dashboard(engine.database, run), name))

    async def counted(engine: Opened, run: RunId = None, now: Now = False) -> Document:
        return Document(schema, part_of(await dashboard(engine.database, run, now=now), name))

    moment = {"counted_at": datetime | None} if name in COUNTED else {}
    router.add_api_route(
        f"/reports/{name}",
        counted if name in COUNTED else part,
        name=name,
        summary=f"`wave report {name}`",
        operation_id=f"report_{name}",
        responses=described(schema, run_id=int, **moment, **{name: PARTS[name]}),
    )


for _name in ("steps", "actors", "throughput", "stale", "errors"):
    _part(_name)


@router.get("/reports/delta", responses=described("wave.delta.v1", **parts_of(delta.Delta)))
async def report_delta(engine: Opened, run: RunId = None, now: Now = False) -> Document:
    """Say what a run changed in its target tables: `wave report delta`."""
    return Document("wave.delta.v1", await delta.delta(engine.database, run, now=now))


@router.get("/reports/cost", responses=described("wave.report.cost.v1", **parts_of(cost.Cost)))
async def report_cost(
    engine: Opened,
    run: RunId = None,
    by: cost.By = cost.By.STEP,
    limit: Annotated[int, Query(ge=1, le=500)] = cost.LIMIT,
    now: Now = False,
) -> Document:
    """Say what the calls of models of a run have used and cost: `wave report cost`."""
    return Document("wave.report.cost.v1", await cost.cost(engine.database, run, by=by, limit=limit, now=now))


@router.get("/reports/matrix", responses=described("wave.report.matrix.v1", **parts_of(matrix.Matrix)))
async def report_matrix(
    engine: Opened,
    run: RunId = None,
    after: Annotated[Number | None, Query(description="`next_after_id` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = matrix.LIMIT,
) -> Document:
    """Show how the records of a run stand in each step, page by page: `wave report matrix`."""
    return Document("wave.report.matrix.v1", await matrix.matrix(engine.database, run, after=after, limit=limit))


@router.get("/reports/events", responses=described("wave.report.events.v1", **parts_of(events.Events)))
async def report_events(
    engine: Opened,
    run: RunId = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=500)] = events.LIMIT,
) -> Document:
    """List the events of a run, the newest first: `wave report events`."""
    return Document("wave.report.events.v1", await events.events(engine.database, run, before=before, limit=limit))


@router.get("/reports/waves", responses=described("wave.report.waves.v1", **parts_of(waves.Waves)))
async def report_waves(
    engine: Opened,
    run: Annotated[Number | None, Query(description="the run; the waves of all by default")] = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=500)] = waves.LIMIT,
) -> Document:
    """Say what model servers have in hand, and list waves, the newest first: `wave report waves`."""
    return Document("wave.report.waves.v1", await waves.waves(engine.database, run, before=before, limit=limit))


@router.get("/diagram", responses=described("wave.diagram.v1", **parts_of(Drawing)))
async def diagram(engine: Opened, run: RunId = None) -> Document:
    """Say where the steps of a run stand in a picture, and the ways between them: `wave diagram --run RUN`."""
    return Document("wave.diagram.v1", draw(await workflow_of(engine.database, run)))


@router.get("/reports/failures", responses=described("wave.report.failures.v1", **parts_of(failures.Failures)))
async def report_failures(
    engine: Opened,
    workflow: Text | None = None,
    runs: Annotated[int, Query(ge=1, le=100, description="in how many of the newest runs")] = failures.RUNS,
    now: Now = False,
) -> Document:
    """Say what has gone wrong in the newest runs, by its cause: `wave report failures`."""
    found = await failures.failures(engine.database, workflow=workflow, runs=runs, now=now)
    return Document("wave.report.failures.v1", found)


@router.get("/reports/reviews", responses=described("wave.report.reviews.v1", **parts_of(reviews.Reviews)))
async def report_reviews(
    engine: Opened,
    workflow: Text | None = None,
    runs: Annotated[int, Query(ge=1, le=100, description="in how many of the newest runs")] = reviews.RUNS,
) -> Document:
    """Say how people keep up with their tasks, agree, and change what was proposed: `wave report reviews`."""
    found = await reviews.reviews(engine.database, workflow=workflow, runs=runs)
    return Document("wave.report.reviews.v1", found)


@router.get("/compare", responses=described("wave.compare.v1", **COMPARED))
async def compare_runs(
    engine: Opened,
    a: Number,
    b: Number,
    step: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Document:
    """Compare two runs of a workflow record by record, those that differ first: `wave compare A B`."""
    found = await compare.runs(engine.database, a, b, step=step)
    return Document("wave.compare.v1", compare.document(found, limit=limit))


@router.get("/db/status", responses=described(about.SCHEMA, rows=list[about.About]))
async def db_status(engine: Opened) -> Document:
    """Say which database this is, how its schema stands, and which Wave Runner answers: `wave db status`."""
    return Document(about.SCHEMA, {"rows": [await about.about(engine.database, schema=engine.settings.schema_name)]})


@router.get("/reports/records", responses=described("wave.records.v1", **parts_of(record_states.RecordCounts)))
async def report_records(engine: Opened) -> Document:
    """Count records by workflow and verdict, as far as the projection has come: `wave report records`."""
    return Document("wave.records.v1", await record_states.record_states(engine.database))


@router.get("/reports/runners", responses=described("wave.runners.v1", rows=list[runners.Runner]))
async def report_runners(engine: Opened) -> Document:
    """List the runners that have not ended: `wave report runners`."""
    rows = await runners.runners(engine.database, lease_s=engine.settings.lease_s)
    return Document("wave.runners.v1", {"rows": rows})


@router.get("/reports/servers", responses=described("wave.report.servers.v1", **parts_of(servers.Servers)))
async def report_servers(engine: Opened) -> Document:
    """Say how model servers stand, and what waits for them: `wave report servers`."""
    lease_s, rates = engine.settings.lease_s, engine.server_rates()
    return Document("wave.report.servers.v1", await servers.servers(engine.database, lease_s=lease_s, rates=rates))


@router.get("/reports/alerts", responses=described("wave.alerts.v1", rows=list[Alert]))
async def report_alerts(engine: Opened) -> Document:
    """List what somebody should look at: `wave report alerts`."""
    return Document("wave.alerts.v1", {"rows": await alerts.alerts(engine.database)})


@router.get("/access", responses=described(access.SCHEMA, rows=list[AccessToken]))
async def access_list(engine: Opened) -> Document:
    """List who was given an access token, and in which role: `wave access list`."""
    return Document(access.SCHEMA, {"rows": await access.access_tokens(engine.database)})
