"""Whether this process lives, and whether the project it answers for can do its work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse

from wave_runner.api.documents import Opened
from wave_runner.engine import Engine
from wave_runner.errors import WaveError
from wave_runner.reports.ready import Check, ready

router = APIRouter(tags=["health"])
PATIENCE_S = 3.0  # a database that answers later than that is of no use to whoever asks


class Alive(BaseModel):
    """This process answers."""

    alive: bool = True


class Ready(BaseModel):
    """Whether all of it holds, and each part."""

    ready: bool
    checks: list[Check]


@router.get("/healthz")
async def healthz() -> Alive:
    """Say that this process answers; nothing else is looked at."""
    return Alive()


@router.get("/readyz", responses={200: {"model": Ready}, 503: {"model": Ready, "description": "not ready"}})
async def readyz(engine: Opened) -> JSONResponse:
    """Say whether the database answers, its schema is the newest, and somebody is at work where work waits."""
    checks = await _checks(engine)
    found = Ready(ready=all(one.ok for one in checks), checks=checks)
    return JSONResponse(found.model_dump(), 200 if found.ready else 503, {"Cache-Control": "no-store"})


async def _checks(engine: Engine) -> list[Check]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await ready(engine.database, lease_s=engine.settings.lease_s)
    except TimeoutError:
        return [Check(name="database", ok=False, says=f"it has not answered for {PATIENCE_S:g} s")]
    except WaveError as error:
        return [Check(name="database", ok=False, says=error.message)]
