"""Each question as a span, below that of whoever has asked, where somebody listens by OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from wave_runner.api.needs import NEEDS, route_of
from wave_runner.telemetry import Question, is_on, tell_question
from wave_runner.telemetry.tell import now_ns

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_ANSWERED = 500


class Traced:
    """Tells of what the interface is asked: by its route, never by what stands in the address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_told = scope["type"] == "http" and is_on()
        route = f"{scope['method']} {route_of(scope['method'], scope['path'])}" if is_told else ""
        if route not in NEEDS:
            await self._app(scope, receive, send)
            return
        began_ns, status = now_ns(), NOT_ANSWERED

        async def send_so(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_so)
        finally:
            method, _, path = route.partition(" ")
            asked_by = Headers(scope=scope).get("traceparent", "")
            tell_question(Question(method=method, route=path, status=status, traceparent=asked_by, began_ns=began_ns))
