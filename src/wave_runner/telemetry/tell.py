"""Tell whoever listens what has been recorded. Where nobody does, a look for the package is all that it costs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from wave_runner.core.cost import tells_tokens
from wave_runner.core.outcome import Usage
from wave_runner.telemetry import names
from wave_runner.telemetry.places import Attempt, Place, of_flow

if TYPE_CHECKING:
    from types import ModuleType

    from wave_runner.telemetry.instruments import Instruments

CHAT = "chat"
SERVER_FAULT = 500
Attributes = dict[str, str | bool | int | float | Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Who is asked: the provider as the conventions name it, where it listens, and what is asked where nothing is said.

    `address` is "" for a server of our own, which listens at another port each time.
    """

    provider: str
    operation: str = CHAT
    address: str = ""
    port: int = 0


@dataclass(frozen=True, kw_only=True)
class Inference:
    """One attempt of a model as it was recorded. `own` are our own attributes; `error_type` "" is an accepted answer.

    `answer` is its JSON value, None where none could be read. `ended_ns` is the time by this process's clock.
    """

    server: str
    model: str
    endpoint: Endpoint | None
    options: Mapping[str, Any]
    usage: Usage
    ended_ns: int
    error_type: str = ""
    finish: str = ""
    output_type: str = "text"
    prompt_name: str = ""
    prompt_version: str = ""
    own: Mapping[str, str | int] = field(default_factory=dict)
    prompt: str = ""
    answer: Any = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """What was asked by HTTP, by its route, and how it was answered. `traceparent` is "" where none came along."""

    method: str
    route: str
    status: int
    traceparent: str
    began_ns: int


def is_on() -> bool:
    """Say whether somebody has brought OpenTelemetry into this process: only they can be listening."""
    return "opentelemetry.trace" in sys.modules or "opentelemetry.metrics" in sys.modules


def _instruments() -> Instruments:
    # Here and not above: the package is an extra, and takes longer to import than most of ours together.
    from wave_runner.telemetry.instruments import instruments

    return instruments()


def _spans() -> ModuleType:
    from wave_runner.telemetry import spans

    return spans


def traceparent(of: Attempt) -> str:
    """Return what an attempt passes on, so that the spans of others stand below its own; "" where nobody listens."""
    return str(_spans().header(of.place)) if is_on() else ""


def tell_inference(one: Inference, of: Attempt) -> None:
    """Tell of one attempt of a model: a span, its duration, and the tokens that the server has counted."""
    from opentelemetry.trace import SpanKind

    made = _instruments()
    metered = _of_request(one)
    seconds = one.usage.service_us / 1_000_000
    _tell_span(
        f"{metered[names.OPERATION]} {one.model}",
        of.place,
        parent=of_flow(of.flow),
        kind=SpanKind.CLIENT,
        links=[of.wave] if of.wave else [],
        attributes={**metered, **_of_span(one)},
        start_ns=one.ended_ns - one.usage.service_us * 1000,
        ended_ns=one.ended_ns,
        error_type=one.error_type,
    )
    if one.error_type:
        metered[names.ERROR_TYPE] = one.error_type
    made.duration.record(seconds, metered)
    made.shares.attempt(one.server, seconds)
    if tells_tokens(one.usage):
        # A prompt of ours is a text, and so is its answer.
        counted: Attributes = {**metered, names.MODALITY: "text"}
        counted.pop(names.ERROR_TYPE, None)
        made.used_input.add(one.usage.tokens_in, counted)
        made.used_cached.add(one.usage.tokens_cached, counted)
        made.used_output.add(one.usage.tokens_out, counted)


def tell_attempt(of: Attempt, *, service_us: int, ended_ns: int, error_type: str, own: Mapping[str, str | int]) -> None:
    """Tell of an attempt that is no call of a model. `own` are our own attributes; `error_type` "" is a success."""
    _tell_span(
        f"{own[names.KIND]} {own[names.ACTOR] or own[names.STEP]}",
        of.place,
        parent=of_flow(of.flow),
        links=[of.wave] if of.wave else [],
        attributes=own,
        start_ns=ended_ns - service_us * 1000,
        ended_ns=ended_ns,
        error_type=error_type,
    )


def tell_done_wave(
    place: Place, attempts: Sequence[Attempt], *, began_ns: int, own: Mapping[str, str | int | float]
) -> None:
    """Tell of a wave that is over, with what was attempted in it: a trace of its own, linked to theirs."""
    links = [one.place for one in attempts]
    _tell_span(
        f"{names.WAVE_SPAN} {own[names.ACTOR]}",
        place,
        links=links,
        attributes=own,
        start_ns=began_ns,
        ended_ns=now_ns(),
    )


def tell_flow(flow: UUID, *, began_ns: int, ended_ns: int, error_type: str, own: Mapping[str, str | int]) -> None:
    """Tell of a flow that has come to its verdict: the root of a record's trace, or of a run's own.

    `error_type` "" is a verdict that all is well.
    """
    what = names.RECORD_SPAN if names.RECORD in own else names.RUN_SPAN
    _tell_span(
        f"{what} {own[names.WORKFLOW]}",
        of_flow(flow),
        attributes={**own, names.CORRELATION: str(flow)},
        start_ns=began_ns,
        ended_ns=ended_ns,
        error_type=error_type,
    )


def _tell_span(name: str, place: Place, *, ended_ns: int, error_type: str = "", **more: Any) -> None:
    from opentelemetry.trace import StatusCode

    span = _spans().started(name, place, **more)
    if error_type:
        span.set_attribute(names.ERROR_TYPE, error_type)
        span.set_status(StatusCode.ERROR)
    span.end(ended_ns)


def tell_question(one: Question) -> None:
    """Tell of a question by HTTP that was answered, below the span that it was asked in."""
    from opentelemetry.trace import StatusCode

    spans = _spans()
    attributes: Attributes = {
        names.HTTP_METHOD: one.method,
        names.HTTP_ROUTE: one.route,
        names.HTTP_STATUS: one.status,
    }
    span = spans.answered(
        f"{one.method} {one.route}", spans.told_by(one.traceparent), start_ns=one.began_ns, attributes=attributes
    )
    if one.status >= SERVER_FAULT:
        span.set_attribute(names.ERROR_TYPE, str(one.status))
        span.set_status(StatusCode.ERROR)
    span.end(now_ns())


def tell_load(*, server: str, model: str, seconds: float, error_type: str = "") -> None:
    """Tell of a load of a model that was not resident. `seconds` of a failed one are not known: 0."""
    if not is_on():
        return
    made = _instruments()
    attributes: Attributes = {names.SERVER: server, names.REQUEST_MODEL: model}
    if error_type:
        made.loads.add(1, {**attributes, names.ERROR_TYPE: error_type})
        return
    made.loads.add(1, attributes)
    made.load_duration.record(seconds, attributes)
    made.shares.load(server, seconds)


def tell_wave(*, lane: str, actor: str, size: int, head_wait_s: float) -> None:
    """Tell of a wave that was claimed: of how many, and how old its first was."""
    if not is_on():
        return
    made = _instruments()
    attributes: Attributes = {names.LANE: lane, names.ACTOR: actor}
    made.wave_size.record(size, attributes)
    made.head_wait.record(max(0.0, head_wait_s), attributes)  # a clock that was set back makes ages negative


def now_ns() -> int:
    """Return the time by this process's clock, as spans have it."""
    return time.time_ns()


def _of_request(one: Inference) -> Attributes:
    """Return what spans and measurements both carry."""
    endpoint = one.endpoint or Endpoint(provider=one.server)
    api = one.options.get("api")
    operation = {"chat": CHAT, "completion": "text_completion"}.get(str(api), endpoint.operation)
    found: Attributes = {
        names.OPERATION: operation,
        names.PROVIDER: endpoint.provider,
        names.REQUEST_MODEL: one.model,
    }
    if endpoint.address:
        found |= {names.SERVER_ADDRESS: endpoint.address, names.SERVER_PORT: endpoint.port}
    return found


def _of_span(one: Inference) -> Attributes:
    found: Attributes = {names.OUTPUT_TYPE: one.output_type, names.SERVER: one.server, **one.own}
    for option, name in names.REQUEST_OPTIONS.items():
        if option in one.options:
            found[name] = one.options[option]
    if one.prompt_name:
        found |= {names.PROMPT_NAME: one.prompt_name, names.PROMPT_VERSION: one.prompt_version}
    if one.finish:
        found[names.FINISH_REASONS] = [one.finish]
    if tells_tokens(one.usage):
        found |= {
            names.INPUT_TOKENS: one.usage.tokens_in,
            names.CACHED_TOKENS: one.usage.tokens_cached,
            names.OUTPUT_TOKENS: one.usage.tokens_out,
        }
    return found | _content(one)


def _content(one: Inference) -> Attributes:
    """Return prompt and answer, only where somebody has asked for them: they are what records say."""
    if os.environ.get(names.CAPTURE, "").lower() not in names.CAPTURED:
        return {}
    found: Attributes = {names.INPUT_MESSAGES: _messages("user", one.prompt)}
    if one.answer is not None:
        # Not checked yet: the driver of a database would refuse what this takes.
        answer = json.dumps(one.answer, ensure_ascii=False)
        found[names.OUTPUT_MESSAGES] = _messages("assistant", answer, finish_reason=one.finish)
    return found


def _messages(role: str, text: str, **more: str) -> str:
    clean = text.encode("utf-8", "replace").decode()  # a lone surrogate is no JSON
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": clean}], **more}]).decode()
