"""What a server that speaks the OpenAI protocol answers: the text of a completion, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from wave_runner.core.outcome import ErrorClass, Failure, Outage, Usage
from wave_runner.core.text import sanitise
from wave_runner.servers import exchange, stream
from wave_runner.servers.exchange import Answer, amount, member
from wave_runner.servers.protocol import Reply


def read(answer: Answer, *, where: str, request: bytes, model: str = "") -> Reply | Failure:
    """Return the text of a completion, in one piece or streamed, or why there is none.

    `model` is the name that the answer must bear, for a server that always tells by which of its models it comes.
    """
    found = _reply(answer, where, request, model)
    if isinstance(found, Failure):
        usage = replace(found.usage, service_us=answer.service_us)
        return replace(found, evidence=exchange.evidence(request, answer.body), usage=usage)
    return found


def _reply(answer: Answer, where: str, request: bytes, model: str) -> Reply | Failure:
    if failure := exchange.bad_status(answer, where):
        return failure
    try:
        document = _document(answer.body)
    except stream.Cut as error:
        return Failure(error_class=ErrorClass.TRANSIENT, message=f"the answer of {where} is cut: {error}")
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, Mapping) and isinstance(document.get("error"), Mapping):
        return _error_inside(answer, where, document["error"])
    choices = document.get("choices") if isinstance(document, Mapping) else None
    if not (isinstance(choices, list) and choices and isinstance(choices[0], Mapping)):
        return Failure(
            error_class=ErrorClass.TRANSIENT,
            message=f"{where} answered with something that is no completion: {exchange.error_text(answer.body)!r}. "
            "Check that the URL is that of an OpenAI-compatible server.",
        )
    if model and (failure := wrong_model(document.get("model"), model, where)):
        return failure
    return _said(answer, where, request, document, choices[0])


def wrong_model(answered: Any, model: str, where: str) -> Failure | None:
    """Return the failure of an answer that another model has given: it says nothing of the record."""
    if answered == model:
        return None
    message = f"{where} was asked for {model}, and {str(answered)[:100]!r} has answered; it is not used"
    return Failure(error_class=ErrorClass.TRANSIENT, message=message, outage=Outage.MODEL)


def _document(body: bytes) -> Any:
    # Not by a reader that refuses half of a surrogate pair: a model's text may hold one, and is cleaned further on.
    return stream.joined(body) if stream.is_stream(body) else json.loads(body.decode())


def _error_inside(answer: Answer, where: str, error: Mapping[str, Any]) -> Failure:
    """Return the failure that a stream ended with, as if the server had answered with its code at once."""
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    body = orjson.dumps({"error": sanitise(str(error.get("message")))[0][:400]})
    failure = exchange.bad_status(replace(answer, status=status, body=body), where)
    assert failure is not None, "its status is none of success"
    return replace(failure, usage=Usage())  # it had begun to answer


def _said(
    answer: Answer, where: str, request: bytes, document: Mapping[str, Any], choice: Mapping[str, Any]
) -> Reply | Failure:
    text, finish = _text(choice), choice.get("finish_reason")
    if not isinstance(text, str) or finish not in ("stop", "length", None):
        return Failure(
            error_class=ErrorClass.INVALID_OUTPUT,
            message=f"{where} answered without a text (finish_reason {str(finish)[:60]!r})",
            usage=_cost(document),
        )
    version = document.get("system_fingerprint")
    return Reply(
        text=text,
        finish="length" if finish == "length" else "stop",
        request=request,
        raw=answer.body,
        usage=replace(_cost(document), service_us=answer.service_us),
        server_version=version if isinstance(version, str) else "",
        rest_s=exchange.rest_of(answer.headers) or 0.0,
    )


def _text(choice: Mapping[str, Any]) -> Any:
    message = choice.get("message")
    return message.get("content") if isinstance(message, Mapping) else choice.get("text")


def _cost(document: Mapping[str, Any]) -> Usage:
    """Read what is said beside the answer as far as it makes sense: the answer must not be lost over it."""
    usage, timings = document.get("usage"), document.get("timings")  # llama.cpp alone says where the time went
    return Usage(
        prompt_us=amount(timings, "prompt_ms", unit=1000),
        generate_us=amount(timings, "predicted_ms", unit=1000),
        tokens_in=amount(usage, "prompt_tokens"),
        tokens_cached=amount(member(usage, "prompt_tokens_details"), "cached_tokens"),
        tokens_out=amount(usage, "completion_tokens"),
    )
