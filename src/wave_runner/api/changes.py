"""What has changed, as it happens (server-sent events): which runs, and what kinds of things; never any contents."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from wave_runner.api import problems
from wave_runner.api.callers import Caller
from wave_runner.api.watching import Watcher, Watching
from wave_runner.core.access import Denial
from wave_runner.reports.documents import named
from wave_runner.store.changes import Change
from wave_runner.store.database import Unavailable

router = APIRouter(tags=["changes"])
SCHEMA = "wave.changes.v1"
HEARTBEAT_S = 15.0
LIFE_S = 300.0
"""Then the stream ends and its reader comes again, through the gate: a session that has ended is not told for ever."""
AGAIN = b"retry: 2000\n\n"
STILL_HERE = b": still here\n\n"


@router.get(
    "/changes",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": f"a stream of {SCHEMA}"}},
)
async def changes(request: Request) -> Response:
    """Tell what has changed, at most once a second, as events named `changes`. The first one says: read all anew."""
    return _Stream(request)


class _Stream(Response):
    """A stream that counts from before its first byte until its reader has gone."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._watching: Watching = request.app.state.watching
        self._caller: Caller = request.state.caller
        self._who: Callable[[], Awaitable[Caller | Denial]] = request.state.who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if full := self._watching.full(self._caller.person):
            await problems.answer(503, "busy", full, "close some: a browser needs one")(scope, receive, send)
            return
        async with self._watching.watch(self._caller.person) as watcher:
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            told = StreamingResponse(self._told(watcher), headers=headers, media_type="text/event-stream")
            await told(scope, receive, send)

    async def _told(self, watcher: Watcher) -> AsyncIterator[bytes]:
        ends = time.monotonic() + LIFE_S
        known_until = time.monotonic() + HEARTBEAT_S
        yield AGAIN
        while not watcher.ended and (left_s := ends - time.monotonic()) > 0:
            change = await watcher.take(min(HEARTBEAT_S, left_s))
            if time.monotonic() >= known_until:
                if not await self._is_known():
                    return
                known_until = time.monotonic() + HEARTBEAT_S
            yield _event(change) if change else STILL_HERE

    async def _is_known(self) -> bool:
        """Whether who asked would still be let in."""
        try:
            return isinstance(await self._who(), Caller)
        except Unavailable:
            return True  # nothing changes as long as the database is away, and nothing is told


def _event(change: Change) -> bytes:
    said = named(SCHEMA, {"run_ids": sorted(change.runs), "kinds": sorted(change.kinds)})
    return f"event: changes\ndata: {json.dumps(said)}\n\n".encode()
