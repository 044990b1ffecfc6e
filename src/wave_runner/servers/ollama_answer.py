"""What Ollama's own protocol answers to a prompt, whole or as a stream of lines: the text, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from wave_runner.core.loading import known_as
from wave_runner.core.outcome import ErrorClass, Failure, Usage
from wave_runner.core.text import sanitise
from wave_runner.servers import exchange, stream
from wave_runner.servers.completion import wrong_model
from wave_runner.servers.exchange import Answer, amount
from wave_runner.servers.protocol import Reply, Request

ADVICE: Mapping[int, str] = {
    **exchange.ADVICE,
    404: "Check the name, or fetch the model with `ollama pull`.",
    503: "Its queue is full.",
}
# Whatever status it comes with: 400, 413 or 500, as the version and the kind of model have it.
_TOO_LONG = ("exceeds the context length", "exceeds the available context", "exceed_context_size")
_NANOSECONDS = 1 / 1000  # in microseconds


def read(answer: Answer, *, where: str, request: Request, sent: bytes, context: int) -> Reply | Failure:
    """Return the text of an answer to `request`. `context` is what the model was loaded with, in tokens."""
    found = _reply(answer, where, request, sent, context)
    if isinstance(found, Failure):
        usage = replace(found.usage, service_us=answer.service_us)
        return replace(found, evidence=exchange.evidence(sent, answer.body), usage=usage)
    return found


def refusal(answer: Answer, where: str) -> Failure | None:
    """Return the failure of an answer whose status is not 200."""
    failure = exchange.bad_status(answer, where, ADVICE)
    if failure is not None and any(words in failure.message for words in _TOO_LONG):
        return replace(failure, error_class=ErrorClass.PERMANENT, outage=None)
    return failure


def _reply(answer: Answer, where: str, request: Request, sent: bytes, context: int) -> Reply | Failure:
    if failure := refusal(answer, where):
        return failure
    try:
        document = _joined(answer.body)
    except (ValueError, RecursionError):
        message = f"{where} answered with something that is no answer of Ollama: {exchange.error_text(answer.body)!r}"
        return Failure(error_class=ErrorClass.TRANSIENT, message=message)
    if "error" in document:
        return _error_inside(answer, where, document)
    if not document.get("done"):
        message = f"the answer of {where} is cut: it ended before its last line"
        return Failure(error_class=ErrorClass.TRANSIENT, message=message)
    if failure := wrong_model(_name(document.get("model")), known_as("ollama", request.model), where):
        return failure
    return _said(answer, where, document, sent, context)


def _said(answer: Answer, where: str, document: Mapping[str, Any], sent: bytes, context: int) -> Reply | Failure:
    usage = replace(_cost(document), service_us=answer.service_us)
    if usage.tokens_in >= context:
        # A version that does not know `truncate` cuts a prompt without a word, and then it fills the whole context.
        message = f"the prompt did not fit into {context} tokens of context, and {where} has cut it"
        return Failure(error_class=ErrorClass.PERMANENT, message=message, usage=usage)
    reason = document.get("done_reason") or "stop"
    if reason not in {"stop", "length"}:
        message = f"{where} answered without a text (done_reason {str(reason)[:60]!r})"
        return Failure(error_class=ErrorClass.INVALID_OUTPUT, message=message, usage=usage)
    return Reply(
        text=_piece(document),
        finish=reason,
        request=sent,
        raw=answer.body,
        usage=usage,
        rest_s=exchange.rest_of(answer.headers) or 0.0,
    )


def _joined(body: bytes) -> dict[str, Any]:
    """Return the lines as one: all of the text, and of the rest what the last line says."""
    # Not by a reader that refuses half of a surrogate pair: a model's text may hold one, and is cleaned further on.
    lines = [json.loads(line) for line in stream.lines(body)]
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise ValueError("it is no object")
    last: dict[str, Any] = lines[-1]
    if "error" in last:
        return last
    text = "".join(_piece(line) for line in lines)
    return {**last, "response": text, "message": None}


def _piece(document: Mapping[str, Any]) -> str:
    message = document.get("message")
    piece = message.get("content") if isinstance(message, Mapping) else document.get("response")
    return piece if isinstance(piece, str) else ""


def _error_inside(answer: Answer, where: str, document: Mapping[str, Any]) -> Failure:
    """Return the failure that a stream ended with: its status was sent before anything was known of it."""
    status = document.get("status")
    status = status if isinstance(status, int) and 400 <= status < 600 else 500
    body = orjson.dumps({"error": sanitise(str(document["error"]))[0][:400]})
    failure = refusal(replace(answer, status=status, body=body), where)
    assert failure is not None, "its status is none of success"
    return replace(failure, usage=Usage())  # it had begun to answer


def _name(answered: Any) -> Any:
    return known_as("ollama", answered) if isinstance(answered, str) else answered


def _cost(document: Mapping[str, Any]) -> Usage:
    return Usage(
        load_us=amount(document, "load_duration", unit=_NANOSECONDS),
        prompt_us=amount(document, "prompt_eval_duration", unit=_NANOSECONDS),
        generate_us=amount(document, "eval_duration", unit=_NANOSECONDS),
        tokens_in=amount(document, "prompt_eval_count"),
        tokens_out=amount(document, "eval_count"),
    )
