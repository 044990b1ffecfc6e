"""What has changed, as it happens (server-sent events): which runs, and what kinds of things; never any contents."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from wave_runner.api import problems
from wave_runner.api.callers import Asking
from wave_runner.api.watching import Watching
from wave_runner.reports.documents import named
from wave_runner.store.changes import Change

router = APIRouter(tags=["changes"])
SCHEMA = "wave.changes.v1"
HEARTBEAT_S = 15.0
LIFE_S = 300.0
"""Then the stream ends and its reader comes again, through the gate: a session that has ended is not told for ever."""
MOST = 200
AGAIN = b"retry: 2000\n\n"
STILL_HERE = b": still here\n\n"


@router.get(
    "/changes",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": f"a stream of {SCHEMA}"}},
)
async def changes(request: Request, caller: Asking) -> Response:
    """Tell what has changed, at most once a second, as events named `changes`. The first one says: read all anew."""
    watching: Watching = request.app.state.watching
    if watching.watchers >= MOST:
        return problems.answer(503, "busy", f"{MOST} streams are open already", "close some: a browser needs one")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(watching), headers=headers, media_type="text/event-stream")


async def _told(watching: Watching) -> AsyncIterator[bytes]:
    ends = time.monotonic() + LIFE_S
    async with watching.watch() as watcher:
        yield AGAIN
        while not watcher.ended and (left_s := ends - time.monotonic()) > 0:
            change = await watcher.take(min(HEARTBEAT_S, left_s))
            yield _event(change) if change else STILL_HERE


def _event(change: Change) -> bytes:
    said = named(SCHEMA, {"run_ids": sorted(change.runs), "kinds": sorted(change.kinds)})
    return f"event: changes\ndata: {json.dumps(said)}\n\n".encode()
