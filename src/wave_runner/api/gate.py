"""One gate for everything: who asks, and for which host. What is not let in reaches nothing behind it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

# What watches a process from outside has no token; these say nothing of any record.
OPEN = frozenset({"/healthz", "/readyz"})


class Gate:
    """Lets in who gives the token, as `Authorization: Bearer TOKEN`, and names a host that is ours.

    A page that some browser has open can send questions to this machine under a name of its own (DNS rebinding): a
    host that is not in `hosts` is refused, whatever token comes with it.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Collection[str], problem: Callable[..., Response]) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(host.lower() for host in hosts)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope) if scope["type"] in ("http", "websocket") else None
        if refused is None:
            await self._app(scope, receive, send)
        else:
            await refused(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1")
        if _without_port(host) not in self._hosts:
            said = f"this is not {host or 'a host without a name'}"
            return self._problem(
                421,
                "wrong_host",
                said,
                "ask for the address that wave serve has printed, or name the host: wave serve --host-name NAME",
            )
        if scope["path"] in OPEN or self._known(headers.get(b"authorization", b"")):
            return None
        return self._problem(
            401,
            "unauthorised",
            "this needs the token that wave serve has printed",
            "send it as a header: Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )

    def _known(self, authorization: bytes) -> bool:
        scheme, _, given = authorization.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[: host.find("]") + 1].lower()
    return host.partition(":")[0].lower()
