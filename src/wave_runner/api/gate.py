"""One gate for everything: who asks, for which host, and whether they may. What is not let in reaches nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser

from wave_runner.api import problems
from wave_runner.api.callers import Caller, Callers
from wave_runner.api.needs import ENTRY, NEEDS, OPEN, STATIC, methods_of, route_of
from wave_runner.core.access import Action, Denial, is_same
from wave_runner.store.database import Unavailable

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from wave_runner.api.denials import Denials

MAX_BODY = 2**20
BODY_S = 30.0
CSRF_HEADER = "X-Wave-CSRF"
NOT_ANOTHER_PAGE = frozenset({"same-origin", "none"})
"""What a browser says (`Sec-Fetch-Site`) of a question that no page of another origin has it send."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

CHANGES_NOTHING = frozenset({"GET", "HEAD"})


class Gate:
    """Lets in who shows an access token, or the cookie of a session, names a host that is ours, and may do this.

    A page that some browser has open can send questions to this machine under a name of its own (DNS rebinding): a
    host that is not in `hosts` is refused, whatever comes with it. It can also send them under ours, with the cookie:
    so a change that comes with a cookie must also come with what only a page of ours can read.
    """

    def __init__(self, app: ASGIApp, *, callers: Callers, denials: Denials, hosts: Collection[str]) -> None:
        self._app = app
        self._callers = callers
        self._denials = denials
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = _Asked(scope.get("method", "WEBSOCKET"), scope["path"], scope["scheme"], Headers(scope=scope))
        try:
            refused = await self._refused(asked, scope)
        except Unavailable:
            refused = problems.away()
        await (refused or self._app)(scope, in_time(receive, BODY_S), as_it_says(send))

    async def _refused(self, asked: _Asked, scope: Scope) -> Response | None:
        """Return what to answer instead; None where the question is let in, with the caller in its state."""
        route = route_of(asked.method, asked.path)
        if _without_port(asked.headers.get("host", "")) not in self._hosts:
            return await self._denied(Denial.WRONG_HOST, asked, route)
        if "transfer-encoding" in asked.headers:
            return problems.answer(
                411, "length_required", "Length Required", "say how long the body is: Content-Length"
            )
        if int(asked.headers.get("content-length", "0")) > MAX_BODY:
            return problems.answer(413, "content_too_large", f"a body has {MAX_BODY} bytes at most")
        if route in OPEN or route in STATIC:
            return None

        async def who() -> Caller | Denial:
            return await self._caller(asked, scope["query_string"])

        caller = await who()
        if isinstance(caller, Denial):
            return await self._denied(caller, asked, route)
        if asked.method not in CHANGES_NOTHING and caller.csrf is not None and (no := self._forged(asked, caller.csrf)):
            return await self._denied(no, asked, route, caller)
        needed = NEEDS.get(f"{asked.method} {route}")
        if needed is None:
            return _not_there(route)
        if not caller.may(needed):
            return await self._denied(Denial.ROLE, asked, route, caller, needed)
        scope.setdefault("state", {}).update(caller=caller, who=who)
        return None

    async def _caller(self, asked: _Asked, query: bytes) -> Caller | Denial:
        found = await self._known(asked, query)
        # A proxy on this machine sends on what others ask.
        if not isinstance(found, Denial) and found.local and asked.is_sent_on:
            return Denial.UNKNOWN
        return found

    async def _known(self, asked: _Asked, query: bytes) -> Caller | Denial:
        scheme, _, given = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._callers.by_token(given.strip())
        if asked.path == ENTRY and (shown := parse_qs(query.decode("latin-1")).get("token")):
            return await self._by_address(asked, shown[0])
        return await self._callers.by_cookies(cookie_parser(asked.headers.get("cookie", "")), asked.scheme)

    async def _by_address(self, asked: _Asked, token: str) -> Caller | Denial:
        """Return who opens the printed address. A person's own token is not taken from one: it would stay in histories.

        Nor is a browser that another page sends here: it would go on as somebody else than its user believes.
        """
        if asked.headers.get("sec-fetch-site", "none") not in NOT_ANOTHER_PAGE:
            return Denial.WRONG_ORIGIN
        found = await self._callers.by_token(token)
        return found if isinstance(found, Denial) or found.local else Denial.UNKNOWN

    def _forged(self, asked: _Asked, csrf: str) -> Denial | None:
        """Return what speaks against that a page of ours has sent this."""
        origin = asked.headers.get("origin")
        if origin is not None and _host_of(origin) != asked.headers.get("host", "").lower():
            return Denial.WRONG_ORIGIN
        if asked.headers.get("sec-fetch-site", "none") not in NOT_ANOTHER_PAGE:
            return Denial.WRONG_ORIGIN
        given = asked.headers.get(CSRF_HEADER, "")
        return None if is_same(csrf.encode(), given.encode()) else Denial.NO_CSRF

    async def _denied(
        self, denial: Denial, asked: _Asked, route: str, caller: Caller | None = None, needed: Action | None = None
    ) -> Response:
        person = caller.person if caller else None
        await self._denials.record(denial, method=asked.method, route=route, person=person)
        if denial is Denial.WRONG_HOST:
            return _wrong_host(asked.headers.get("host", ""))
        if denial is Denial.ROLE and caller is not None:
            said = f"{caller.person} asks as {caller.role}, which may not {needed}"
            hint = "wave access grant PERSON --role ROLE gives another role"
            return problems.answer(403, "forbidden", said, hint)
        if route == ENTRY and denial is Denial.WRONG_ORIGIN:
            said = "another page has sent the browser here"
            return problems.answer(403, "forbidden", said, "type the address into the browser, or paste it there")
        if denial in (Denial.WRONG_ORIGIN, Denial.NO_CSRF):
            hint = (
                f"a change that comes with a cookie needs the header {CSRF_HEADER}: GET /api/v1/session says its value"
            )
            return problems.answer(403, "forbidden", "this does not come from a page of this server", hint)
        return problems.answer(
            401,
            "unauthorised",
            _SAID.get(denial, "this access token, or session, is not known here"),
            "send one as a header, Authorization: Bearer TOKEN; wave access grant gives one",
            {"WWW-Authenticate": "Bearer"},
        )


class _Asked(NamedTuple):
    method: str
    path: str
    scheme: str
    headers: Headers

    @property
    def is_sent_on(self) -> bool:
        """Whether a proxy says that it asks for somebody else."""
        return any(name == "forwarded" or name.startswith("x-forwarded-") for name in self.headers)


_SAID = {
    Denial.NO_TOKEN: "this needs an access token",
    Denial.EXPIRED: "this access token, or session, has expired",
    Denial.REVOKED: "this access token was revoked",
    Denial.ENDED: "this session has ended",
}


def in_time(receive: Receive, within_s: float) -> Receive:
    """Have the body of a question come within so many seconds of the first look at it; after that, wait for ever.

    Raises an answer of 408: what comes drop by drop would be waited for as long as somebody likes.
    """
    ends: float | None = None
    whole = False

    async def receive_in_time() -> Message:
        nonlocal ends, whole
        if whole:
            return await receive()
        ends = ends or asyncio.get_running_loop().time() + within_s
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the body has not come within {within_s:g} seconds") from None
        whole = not message.get("more_body", False)
        return message

    return receive_in_time


def as_it_says(send: Send) -> Send:
    """Have every answer say that it is what its media type says: a document holds texts of strangers, and is no page.

    The pages say of themselves what they may load; nothing else may load anything.
    """

    async def send_so(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_so


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _not_there(route: str) -> Response:
    if methods := methods_of(route):
        return problems.answer(405, "method_not_allowed", "Method Not Allowed", headers={"Allow": ", ".join(methods)})
    return problems.answer(404, "not_found", "Not Found")


def _wrong_host(host: str) -> Response:
    return problems.answer(
        421,
        "wrong_host",
        f"this is not {host or 'a host without a name'}",
        "ask for the address that wave serve has printed, or name the host: wave serve --host-name NAME",
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[: host.find("]") + 1].lower()
    return host.partition(":")[0].lower()
