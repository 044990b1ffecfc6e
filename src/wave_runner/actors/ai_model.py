"""The `ai_model` actor: one record, one prompt, one attempt, on whatever server the model lives."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wave_runner.core.contract import parse_answer
from wave_runner.core.outcome import Breach, Done, ErrorClass, Evidence, Failure, Outcome, Usage
from wave_runner.core.text import sanitise
from wave_runner.core.workflow import ModelSpec
from wave_runner.servers.exchange import version_evidence
from wave_runner.servers.protocol import ModelServer, Reply, Request


async def answer(
    server: ModelServer,
    model: ModelSpec,
    *,
    prompt: str,
    schema: Mapping[str, Any] | None,
    timeout_s: float,
    traceparent: str = "",
) -> Outcome:
    """Ask once. With a schema the answer is parsed as JSON; without one it is {"text": …}.

    The exact request, the raw answer and the server's version are the evidence, whatever came of them. An answer that
    was cut at the token limit is never valid, even where it happens to parse.
    """
    started = time.monotonic()
    request = Request(
        model=model.model,
        prompt=prompt,
        schema=schema,
        options=model.options,
        timeout_s=timeout_s,
        token_timeout_s=model.token_timeout_s,
        traceparent=traceparent,
    )
    reply = await server.infer(request)
    service_us = int((time.monotonic() - started) * 1_000_000)
    if isinstance(reply, Failure):
        return replace(reply, usage=replace(reply.usage, service_us=service_us))
    return _outcome_of(reply, schema, replace(reply.usage, service_us=service_us, rest_s=reply.rest_s))


def _outcome_of(reply: Reply, schema: Mapping[str, Any] | None, usage: Usage) -> Outcome:
    evidence = (
        Evidence(role="request", media_type="application/json", content=reply.request),
        Evidence(role="answer", media_type="application/json", content=reply.raw),
        *version_evidence(reply.server_version),
    )
    if reply.finish == "length":
        return Breach(
            rule="truncated",
            message=f"the answer was cut at the limit of {usage.tokens_out} tokens",
            retry=True,
            error_class=ErrorClass.TRUNCATED,
            evidence=evidence,
            usage=usage,
        )
    if schema is None:
        return Done(output={"text": sanitise(reply.text)[0].strip()}, evidence=evidence, usage=usage)
    value = parse_answer(reply.text)
    if isinstance(value, Breach):
        return replace(value, evidence=evidence, usage=usage)
    return Done(output=value, evidence=evidence, usage=usage)
