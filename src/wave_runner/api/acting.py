"""What is changed by HTTP: by the same functions as the commands, in the name of who asks, and once for each key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from wave_runner.api.callers import Asking
from wave_runner.api.documents import Document, Opened
from wave_runner.engine import Engine
from wave_runner.errors import AnswerError, ConflictError, DatabaseError, WaveError
from wave_runner.store import requests
from wave_runner.store.database import Unavailable

Act = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Acting:
    """A person who changes something. `engine` acts in their name."""

    engine: Engine
    person: str
    key: str | None
    asked: str

    async def once(self, schema: str, body: BaseModel | None, act: Act) -> Response:
        """Act and answer; under a key that was answered already, answer the same and do nothing.

        Raises `AnswerError` where the key was for something else, `ConflictError` where it has no answer yet.
        """
        if self.key is None:
            return Document(schema, await act())
        database, mine = self.engine.database, {"person": self.person, "key": self.key}
        # Of numbers, and of keys in any language: what is asked may hold whatever JSON holds.
        said = json.dumps([self.asked, body.model_dump(mode="json") if body is not None else None], sort_keys=True)
        sha256 = hashlib.sha256(said.encode()).digest()
        before = await requests.begin(database, **mine, sha256=sha256)
        if before is not None:
            return _again(before, sha256, self.key)
        try:
            answer = Document(schema, await act())
        except (WaveError, Unavailable) as error:
            if _is_refused(error):
                await requests.forget(database, **mine)
            raise
        await requests.finish(database, **mine, answer=bytes(answer.body).decode())
        return answer


def _is_refused(error: WaveError | Unavailable) -> bool:
    """Whether what was asked for is known not to stand: else nobody knows, and its key stays taken."""
    return error.nothing_stands if isinstance(error, Unavailable) else not isinstance(error, DatabaseError)


def _again(before: requests.Request, sha256: bytes, key: str) -> Response:
    if before.sha256 != sha256:
        raise AnswerError(
            f"the key {key} was used for something else", hint="each change has an Idempotency-Key of its own"
        )
    if before.answer is None:
        raise ConflictError(
            f"what was asked for under the key {key} is under way, or its server has ended before it was answered",
            hint="ask again in a moment; if this stays so, look what stands, and use another key",
        )
    headers = {"Cache-Control": "no-store", "Idempotent-Replayed": "true"}
    return Response(before.answer, 200, headers, media_type="application/json")


def _acting(
    request: Request,
    engine: Opened,
    caller: Asking,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            pattern=r"^[!-~]+$",
            description="who asks again under the same key gets the same answer, and nothing is done twice",
        ),
    ] = None,
) -> Acting:
    asked = f"{request.method} {request.url.path}"
    return Acting(engine=engine.acting_as(caller.person), person=caller.person, key=key, asked=asked)


def _own_engine(engine: Opened, caller: Asking) -> Engine:
    return engine.acting_as(caller.person)


Actor = Annotated[Acting, Depends(_acting)]
"""Who changes something, once for each key."""

Theirs = Annotated[Engine, Depends(_own_engine)]
"""The project, in the name of who asks; for what changes nothing, or changes no more when it is asked for again."""
