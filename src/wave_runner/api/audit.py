"""The sealed log: how it stands, and having it verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from wave_runner.api.acting import Actor
from wave_runner.api.documents import Document, Opened, described
from wave_runner.api.verifying import Outcome, UnderWay, Verifying
from wave_runner.reports import log
from wave_runner.reports.integrity import Verification, verifications

router = APIRouter(tags=["audit"])
STATUS, LIST, BEGUN = "wave.audit.status.v1", "wave.audit.verifications.v1", "wave.audit.verify.begun.v1"


def _verifying(request: Request) -> Verifying:
    verifying: Verifying = request.app.state.verifying
    return verifying


Verifier = Annotated[Verifying, Depends(_verifying)]


@router.get("/audit/status", responses=described(STATUS, log=log.LogStatus | None))
async def status(engine: Opened) -> Document:
    """Say how the sealed log stands: `wave audit status`."""
    return Document(STATUS, {"log": await log.log_status(engine.database)})


@router.get(
    "/audit/verifications",
    responses=described(LIST, under_way=UnderWay | None, last=Outcome | None, rows=list[Verification]),
)
async def list_verifications(engine: Opened, verifying: Verifier) -> Document:
    """Say when the whole log was verified last and what came of it, as the log has it, and whether it is being done.

    `under_way` and `last` are what this process was asked for.
    """
    rows = await verifications(engine.database)
    return Document(LIST, {"under_way": verifying.under_way, "last": verifying.last, "rows": rows})


@router.post("/audit/verify", responses=described(BEGUN, under_way=UnderWay))
async def verify(acting: Actor, verifying: Verifier) -> Response:
    """Have the whole log verified, in the name of who asks: `wave audit verify`. What comes of it is listed later."""

    async def act() -> Mapping[str, Any]:
        return {"under_way": await verifying.begin(acting.person)}

    return await acting.once(BEGUN, None, act)
