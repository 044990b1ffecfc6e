"""What an answer is where something is wrong: a problem document (RFC 9457), with what to do in `hint`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from wave_runner.errors import (
    AnswerError,
    ConflictError,
    DatabaseError,
    NotFoundError,
    ProjectError,
    WaveError,
)
from wave_runner.store.database import Unavailable

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUS = {
    ProjectError: 422,
    AnswerError: 422,
    DatabaseError: 503,
    NotFoundError: 404,
    ConflictError: 409,
}


class Problem(BaseModel):
    """What went wrong, to what, and what to do. `kind` is for programs, and stays; `detail` is for people."""

    type: str
    title: str
    status: int
    kind: str
    detail: str
    hint: str = ""


RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": HTTPStatus(code).phrase} for code in (401, 403, 404, 409, 422, 503)
}


def answer(
    status: int, kind: str, detail: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a problem document."""
    found = Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, kind=kind, detail=detail, hint=hint
    )
    return JSONResponse(found.model_dump(), status, dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every error of the application answered by a problem document."""
    app.add_exception_handler(WaveError, _ours)
    app.add_exception_handler(Unavailable, _away)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _bug)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, WaveError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return answer(status, error.kind, error.message, error.hint)


async def _away(request: Request, error: Exception) -> Response:
    return away()


def away() -> JSONResponse:
    """Return the problem of a database that does not answer."""
    hint = "ask again; where something was to be changed under a key and it is refused then, look what stands"
    return answer(503, "database", "the database went away, or asks for another try", hint)


async def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return answer(422, "usage", f"{place}: {first['msg']}", "the document /api/v1/openapi.json says what can be asked")


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return answer(error.status_code, kind, str(error.detail), headers=error.headers)


async def _bug(request: Request, error: Exception) -> Response:
    log.error("a bug: %s %s", request.method, request.url.path, exc_info=error)
    return answer(
        500, "bug", "this is a bug in Wave Runner, not in your project", "please report it with what wave serve printed"
    )
