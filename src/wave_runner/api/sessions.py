"""Sessions: a browser shows an access token once, and is known by a cookie that no script can read."""

from __future__ import annotations

import dataclasses
import secrets
import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from wave_runner.api.callers import Asking, Caller, Callers
from wave_runner.api.documents import Document, Opened, described
from wave_runner.api.needs import ENTRY
from wave_runner.core.access import SECRET_BYTES, SESSION_S, Action, Bound, Role, csrf_of, digest, written
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.store import access

SCHEMA = "wave.session.v1"
HOME = "./"
"""The first page, relative to where the token is shown: a proxy may serve this below a path of its own."""
PARTS = {
    "person": str,
    "role": Role,
    "may": list[Action],
    "session_id": int | None,
    "csrf": str | None,
    "expires_at": datetime | None,
}

AT_ONCE = 20
EVERY_S = 60.0


class Opening:
    """Lets each access token open twenty sessions at once, and then one a minute: each is a row, and an event."""

    def __init__(self) -> None:
        self._bounds: dict[int | bytes | None, Bound] = {}

    def may(self, caller: Caller) -> bool:
        """Whether a token may open one more now."""
        token = caller.own_sha256 or caller.token_id
        bound = self._bounds.setdefault(token, Bound(at_once=AT_ONCE, every_s=EVERY_S))
        return bound.take(time.monotonic()) is not None


entry = APIRouter(tags=["session"])
router = APIRouter(tags=["session"])


@entry.get(
    ENTRY, status_code=303, response_class=RedirectResponse, responses={303: {"description": "to the first page"}}
)
async def open_by_address(
    request: Request, engine: Opened, caller: Asking, token: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Open a session for the browser that shows the `token` of the address which `wave serve` has printed."""
    answer = RedirectResponse(HOME, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    if caller.session_id is None:
        _, text = await _opened(request, engine, caller)
        _remember(answer, request, caller, text)
    return answer


@router.get("/session", responses=described(SCHEMA, **PARTS))
async def who(caller: Asking) -> Document:
    """Say who asks, what they may do, and what a change must come with (`csrf`) where a cookie says who it is."""
    return _document(caller)


@router.post("/session", responses=described(SCHEMA, **PARTS))
async def open_session(request: Request, engine: Opened, caller: Asking) -> Document:
    """Open a session for whoever shows an access token. It ends after 12 hours, and with its token."""
    if caller.session_id is not None:
        raise ConflictError("a session is open already", hint="end it first: DELETE /api/v1/session")
    opened, text = await _opened(request, engine, caller)
    answer = _document(opened)
    _remember(answer, request, caller, text)
    return answer


@router.delete("/session", status_code=204)
async def end(request: Request, engine: Opened, caller: Asking) -> Response:
    """End the session that asks."""
    if caller.session_id is None:
        raise ConflictError("this is an access token, and no session", hint="wave access revoke takes a token back")
    await access.end_session(engine.database, caller.session_id, person=caller.person)
    answer = Response(status_code=204)
    secure = request.url.scheme == "https"
    answer.delete_cookie(_cookie(request, caller), secure=secure, httponly=True, samesite="strict")
    return answer


def _document(caller: Caller) -> Document:
    may = [action for action in Action if caller.may(action)]
    return Document(SCHEMA, {name: may if name == "may" else getattr(caller, name) for name in PARTS})


async def _opened(request: Request, engine: Engine, caller: Caller) -> tuple[Caller, str]:
    """Open a session with the token that was shown; return who asks by it, and what its cookie holds.

    The session that this browser had is over: its cookie is about to go.
    """
    if caller.token_id is None and not caller.local:
        raise ConflictError(
            f"{caller.person} names nobody, and opens no session", hint="wave access grant gives a person a token"
        )
    opening: Opening = request.app.state.opening
    if not opening.may(caller):
        raise HTTPException(429, "this access token opens sessions too often", {"Retry-After": str(int(EVERY_S))})
    callers: Callers = request.app.state.callers
    before = await callers.by_cookies(request.cookies, request.url.scheme)
    if isinstance(before, Caller) and before.session_id is not None:
        await access.end_session(engine.database, before.session_id, person=before.person)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session_id, expires_at = await access.open_session(
        engine.database,
        person=caller.person,
        token_id=caller.token_id,
        own_sha256=caller.own_sha256,
        sha256=digest(secret),
    )
    ends = min(expires_at, caller.expires_at or expires_at)
    opened = dataclasses.replace(caller, session_id=session_id, csrf=csrf_of(secret), expires_at=ends)
    return opened, written(session_id, secret)


def _remember(answer: Response, request: Request, caller: Caller, text: str) -> None:
    name, secure = _cookie(request, caller), request.url.scheme == "https"
    answer.set_cookie(name, text, max_age=SESSION_S, path="/", secure=secure, httponly=True, samesite="strict")


def _cookie(request: Request, caller: Caller) -> str:
    callers: Callers = request.app.state.callers
    return callers.cookie_of(request.url.scheme, local=caller.local)
