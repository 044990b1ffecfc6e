"""What a server's bytes come to that speaks the OpenAI protocol, where no server of the tests says them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.servers.completion import read
from wave_runner.servers.exchange import Answer
from wave_runner.servers.protocol import Reply


def said(body: bytes, **fields: Any) -> Reply | Failure:
    answer = Answer(status=200, headers={}, body=body, service_us=5)
    return read(answer, where="http://far", request=b"{}", **fields)


def stream(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


BEGUN = {"choices": [{"delta": {"content": "wel"}}]}


@pytest.mark.parametrize(
    ("error", "expected", "outage"),
    [
        ({"code": 400, "message": "too long"}, ErrorClass.PERMANENT, None),
        ({"code": 429, "message": "slowly"}, ErrorClass.RATE_LIMITED, Outage.SERVER),
        ({"code": 503, "message": "full"}, ErrorClass.OVERLOADED, Outage.SERVER),
        ({"code": "server_error", "message": "something"}, ErrorClass.TRANSIENT, None),
        ({}, ErrorClass.TRANSIENT, None),
    ],
)
def test_an_error_inside_an_answer_is_judged_by_its_code(error: dict[str, Any], expected: ErrorClass, outage: Any):
    for body in (stream(BEGUN, {"error": error}), json.dumps({"error": error}).encode()):
        failed = said(body)
        assert isinstance(failed, Failure)
        assert (failed.error_class, failed.outage) == (expected, outage)
        assert error.get("message", "") in failed.message
        assert [kept.content for kept in failed.evidence] == [b"{}", body]
        assert failed.usage.service_us == 5


def test_a_stream_that_breaks_off_is_no_answer_and_says_so():
    failed = said(stream(BEGUN))
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.TRANSIENT
    assert "is cut" in failed.message


def test_only_where_it_is_asked_for_an_answer_has_to_bear_the_name():
    body = json.dumps(
        {"model": "m-2026", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
    ).encode()
    assert isinstance(said(body), Reply)
    assert isinstance(said(body, model="m-2026"), Reply)
    failed = said(body, model="m")
    assert isinstance(failed, Failure)
    assert failed.outage is Outage.MODEL


def test_text_with_half_a_surrogate_pair_is_an_answer_with_its_exact_bytes():
    body = rb'{"choices": [{"text": "half \ud800 a pair"}]}'
    reply = said(body)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.raw) == ("half \ud800 a pair", body)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"1" * 10_000, b"[]", b'{"choices": {}}', b'{"choices": [3]}', b"\xff"]
)
def test_what_is_no_completion_is_named(body: bytes):
    failed = said(body)
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.TRANSIENT
    assert "no completion" in failed.message
