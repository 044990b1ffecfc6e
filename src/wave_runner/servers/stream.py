"""An answer that comes bit by bit: whether it still comes, and the whole of it once it is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

_DONE = "[DONE]"


class Silence(Exception):
    """An answer had begun, and then nothing more of it came for too long."""


class Cut(ValueError):
    """The stream ended before the answer did."""


async def watched(chunks: AsyncIterator[bytes], silence_s: float | None) -> AsyncIterator[bytes]:
    """Yield the chunks; raise `Silence` when the next one does not come within `silence_s` (None: however long).

    The first may take its time, because a server says nothing while it reads the prompt.
    """
    limit_s = None
    while True:
        try:
            async with asyncio.timeout(limit_s):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Silence from error
        yield chunk
        if not chunk.startswith(b":"):  # a comment keeps the connection alive, and is no part of an answer
            limit_s = silence_s


def is_stream(body: bytes) -> bool:
    """Say whether a body is a stream of server-sent events."""
    return body.lstrip().startswith((b"data:", b":", b"event:"))


def joined(body: bytes) -> Any:
    """Return the one document that a stream of completion chunks makes, or the error that it ended with.

    What stands beside the text is taken from the last chunk that has it. Raises `Cut` where no chunk says that it is
    the last, and `ValueError` for what is no JSON.
    """
    document: dict[str, Any] = {}
    text, finish, ended = "", None, False
    for data in _events(body):
        if data == _DONE:
            ended = True
            continue
        chunk = json.loads(data)
        if not isinstance(chunk, dict):
            raise ValueError("a chunk is no object")
        if "error" in chunk:
            return chunk
        choices = chunk.pop("choices", None) or []
        if not (isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices)):
            raise ValueError("a chunk has choices that are no objects")
        for choice in choices:
            text += _piece(choice)
            finish = choice.get("finish_reason") or finish
        document |= {name: value for name, value in chunk.items() if value is not None}
    if not (ended or finish):
        raise Cut("it ended before its last chunk")
    return {**document, "choices": [{"text": text, "finish_reason": finish}]}


def lines(body: bytes) -> Iterator[str]:
    """Yield the lines that hold anything. A text has more ends of a line than bytes have, and JSON may hold those."""
    for line in body.splitlines():
        if line.strip():
            yield line.decode()


def _events(body: bytes) -> Iterator[str]:
    for line in lines(body):
        if line.startswith("data:"):
            yield line[5:].strip()


def _piece(choice: dict[str, Any]) -> str:
    delta = choice.get("delta")
    piece = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    return piece if isinstance(piece, str) else ""
