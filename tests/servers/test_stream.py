"""An answer that comes bit by bit: put together, given up when it pauses, told from one that was cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wave_runner.servers.stream import Cut, Silence, is_stream, joined, watched


def stream(*chunks: Any) -> bytes:
    texts = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def piece(text: str | None, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], "model": "m"}


def test_pieces_are_one_text_and_what_stands_beside_is_the_last_that_was_said():
    body = stream(
        piece(None), piece("wel"), piece("der"), piece("", "length"), {"choices": [], "usage": {"n": 3}}, "[DONE]"
    )
    assert is_stream(body)
    whole = joined(b": a comment\n\n" + body)
    assert whole == {"model": "m", "usage": {"n": 3}, "choices": [{"text": "welder", "finish_reason": "length"}]}


def test_plain_completions_have_their_text_in_the_choice():
    assert (
        joined(stream({"choices": [{"text": "a"}]}, {"choices": [{"text": "b"}]}, "[DONE]"))["choices"][0]["text"]
        == "ab"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_ends_a_line_of_a_text_ends_no_line_of_a_stream(end: str):
    """JSON may hold these as they are, and texts from web pages do."""
    text = "a\u0085b\u2028c\u2029d"
    body = stream(json.dumps(piece(text, "stop"), ensure_ascii=False), "[DONE]").decode().replace("\n", end).encode()
    assert joined(body)["choices"] == [{"text": text, "finish_reason": "stop"}]


@pytest.mark.parametrize("body", [stream(piece("wel")), stream(), b": nothing yet\n\n"])
def test_a_stream_without_an_end_is_cut(body: bytes):
    with pytest.raises(Cut):
        joined(body)


def test_an_error_in_the_middle_is_what_the_stream_comes_to():
    assert joined(stream(piece("wel"), {"error": {"code": 500}})) == {"error": {"code": 500}}


@pytest.mark.parametrize("body", [stream("{"), stream("[1]"), stream({"choices": [1]}), stream({"choices": 1})])
def test_what_is_no_chunk_is_no_answer(body: bytes):
    with pytest.raises(ValueError, match=r"chunk|Expecting"):
        joined(body)


def test_an_answer_may_take_its_time_to_begin_and_not_to_go_on():
    pause, given_up = asyncio.Event(), []

    async def slow() -> AsyncIterator[bytes]:
        await asyncio.wait_for(pause.wait(), 20)  # longer than the limit, before the first
        yield b": a comment"
        yield b"first"
        await asyncio.Event().wait()

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.2, pause.set)
        async for chunk in watched(slow(), 0.05):
            given_up.append(chunk)

    with pytest.raises(Silence):
        asyncio.run(run())
    assert given_up == [b": a comment", b"first"]


def test_without_a_limit_everything_comes():
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(3):
            yield bytes([number])

    async def run() -> list[bytes]:
        return [chunk async for chunk in watched(chunks(), None)]

    assert asyncio.run(run()) == [b"\0", b"\1", b"\2"]
