"""What the folder holds beside what is approved, and a person's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.responses import Response

from wave_runner.api.acting import Actor
from wave_runner.api.documents import Document, Opened, described
from wave_runner.api.given import Body, Name
from wave_runner.core.drift import Seen
from wave_runner.reports.approved import as_rows

router = APIRouter(tags=["approvals"])
ACTORS, APPROVE = "wave.actors.v1", "wave.actors.approve.v1"


class Approve(Body):
    """`sha256` is `found`, and `weights` is `weights_found` of what was looked at: nothing else is approved."""

    name: Name
    workflow: bool = False
    weights: Name | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@router.get("/actors", responses=described(ACTORS, rows=list[dict[str, Any]]))
async def actors(
    engine: Opened,
    diff: Annotated[bool, Query(description="with what has changed in each since it was approved")] = False,
) -> Document:
    """List actors and workflows with their state: `wave actors list`."""
    return Document(ACTORS, {"rows": await as_rows(engine.database, engine.project(), with_diff=diff)})


@router.post("/actors/approve", responses=described(APPROVE, approved=str, changed=bool))
async def approve(acting: Actor, body: Approve) -> Response:
    """Approve what the folder holds of an actor or a workflow: `wave actors approve`."""

    async def act() -> Mapping[str, Any]:
        seen = Seen(sha256=body.sha256, weights=body.weights)
        sha256, changed = await acting.engine.accept(body.name, workflow=body.workflow, seen=seen)
        return {"workflow" if body.workflow else "actor": body.name, "approved": sha256, "changed": changed}

    return await acting.once(APPROVE, body, act)
