"""One HTTP request to a model server and what came of it, as values. Nothing here tries twice.

How an answer is judged:

=====================================================  ===============  ==========
429                                                    rate_limited     the server
503, 529                                               overloaded       the server
401, 402, 403                                          permanent        the server
404                                                    permanent        the model
408, 409, 425, any other 5xx                           transient
any other status but 200                               permanent
no connection                                          transient        the server
a connection that breaks                               transient
nothing whole within the time limit                    timeout
an answer that pauses for too long once it has begun   transient
a body that is no JSON, or no completion               transient
a completion without a text (refusal, tool call)       invalid_output
a body over the size limit                             invalid_output
=====================================================  ===============  ==========

The last column is the outage: a failure that speaks of the server or of the model, and not of what was asked. With it,
and with answers too, comes how long the server wants to be left alone (`rest_of`).
"""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import functools
import ipaddress
import math
import os
import re
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import orjson

from wave_runner.core.outcome import ErrorClass, Evidence, Failure, Outage, Usage
from wave_runner.core.text import sanitise
from wave_runner.servers.protocol import Reply
from wave_runner.servers.stream import Silence, watched

MAX_ANSWER_BYTES = 16 * 1024 * 1024
LARGEST_AMOUNT = 2**31 - 1  # of tokens or microseconds: what the database holds, and more than one answer can cost
CONNECT_TIMEOUT_S = 10.0
VERSION_CHARACTERS = 200  # what a server calls itself is short; it must not fill the evidence with anything else

_TRANSIENT = {408, 409, 425}
_OVERLOADED = {503, 529}
_GIVEN_UP = {408, 499}  # of requests that may have been under way
_OUTAGES = dict.fromkeys((401, 402, 403, 429, *_OVERLOADED), Outage.SERVER) | {404: Outage.MODEL}
_NOBODY_THERE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)
# What is left of an allowance, and when there is more: as OpenAI and those who speak like it say it, and as
# Anthropic does.
_ALLOWANCES = tuple(
    (
        f"{prefix}-remaining-{unit}" if prefix == "x-ratelimit" else f"{prefix}-{unit}-remaining",
        f"{prefix}-reset-{unit}" if prefix == "x-ratelimit" else f"{prefix}-{unit}-reset",
    )
    for prefix in ("x-ratelimit", "anthropic-ratelimit")
    for unit in ("requests", "tokens")
)
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$")
_SPAN_UNITS = (86_400, 3_600, 60, 1, 0.001)
ADVICE: Mapping[int, str] = {
    401: "Check the API key.",
    403: "Check the API key and what it may use.",
    404: "Check that the URL ends in /v1 and that the server has this model.",
    429: "The server limits how often you may ask.",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole HTTP answer: `body` as it came, `service_us` from sending to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    service_us: int


def new_client(*, trust_env: bool) -> httpx2.AsyncClient:
    """Return a client that opens a connection for each request.

    A connection kept open that the server closes just then looks like a server that died over the request, and it
    would cost an attempt. llama.cpp's server closes them often; a new connection costs little beside an inference.
    """
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S),
        limits=httpx2.Limits(max_keepalive_connections=0),
        headers={"Connection": "close", "Accept-Encoding": "identity"},
        trust_env=trust_env,
        verify=certificates(trust_env=trust_env),
    )


def certificates(*, trust_env: bool) -> ssl.SSLContext:
    """Return whose certificates this machine trusts, read once in a process: it is nearly all that a client costs."""
    return _certificates(trust_env, *(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))


@functools.cache
def _certificates(trust_env: bool, *_of_the_environment: str | None) -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=trust_env)


def is_on_this_machine(url: httpx2.URL) -> bool:
    """Return whether `url` names the loopback: a proxy could not reach it, and must not see what goes there."""
    with suppress(ValueError):  # a name, not an address
        return ipaddress.ip_address(url.host).is_loopback
    return url.host == "localhost" or url.host.endswith(".localhost")


async def post(
    client: httpx2.AsyncClient,
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    where: str,
    timeout_s: float,
    token_timeout_s: float | None = None,
    max_bytes: int = MAX_ANSWER_BYTES,
    traceparent: str = "",
) -> Answer | Failure:
    """Send `body` and return the whole answer, or why there is none. `where` names the server in messages.

    With `token_timeout_s` an answer that has begun is given up when nothing more of it comes for so long.
    """
    received = bytearray()
    started = time.monotonic()
    sent = {**headers, "Content-Type": "application/json", **({"traceparent": traceparent} if traceparent else {})}
    try:
        async with (
            asyncio.timeout(timeout_s),
            client.stream("POST", url, content=body, headers=sent) as reply,
        ):
            async for chunk in watched(reply.aiter_raw(), token_timeout_s):
                received += chunk
                if len(received) > max_bytes:
                    return _too_large(where, max_bytes, body, bytes(received[:65_536]), started)
        return Answer(
            status=reply.status_code,
            headers=dict(reply.headers.items()),
            body=bytes(received),
            service_us=_elapsed_us(started),
        )
    except Silence:
        return Failure(
            error_class=ErrorClass.TRANSIENT,
            message=f"{where} sent nothing for {token_timeout_s:g} s in the middle of its answer; "
            f"{len(received):,} bytes of it had come",
            evidence=evidence(body, bytes(received)),
            usage=Usage(service_us=_elapsed_us(started)),
        )
    except TimeoutError:
        return Failure(
            error_class=ErrorClass.TIMEOUT,
            message=f"{where} did not finish its answer within {timeout_s:g} s",
            evidence=evidence(body, bytes(received)),
            usage=Usage(service_us=_elapsed_us(started)),
        )
    except httpx2.HTTPError as error:
        return Failure(
            error_class=ErrorClass.TRANSIENT,
            message=_broken(where, error),
            outage=Outage.SERVER if isinstance(error, _NOBODY_THERE) else None,
            evidence=evidence(body, bytes(received)),
            usage=Usage(service_us=_elapsed_us(started), refused=isinstance(error, _NOBODY_THERE)),
        )


async def reach(client: httpx2.AsyncClient, url: str, *, headers: Mapping[str, str], where: str) -> Failure | None:
    """Return why nobody can be reached at `url`; None if anybody is there, whatever the answer, or lack of one."""
    try:
        async with asyncio.timeout(2 * CONNECT_TIMEOUT_S), client.stream("GET", url, headers=headers):
            return None
    except _NOBODY_THERE as error:
        return Failure(error_class=ErrorClass.TRANSIENT, message=_broken(where, error), outage=Outage.SERVER)
    except (httpx2.HTTPError, TimeoutError):
        return None  # what is wrong with it shows when it is asked


def not_loaded(model: str, where: str) -> Failure:
    """Return the failure of a request that is not sent: that the model is gone says nothing of what was to be asked."""
    message = f"{model} is not loaded in {where}"
    return Failure(error_class=ErrorClass.TRANSIENT, message=message, outage=Outage.MODEL, usage=Usage(refused=True))


def evidence(request: bytes, answer: bytes) -> tuple[Evidence, ...]:
    """Keep the exact bytes of an attempt; an answer of no bytes leaves no evidence."""
    kept = (Evidence(role="request", media_type="application/json", content=request),)
    return (*kept, Evidence(role="answer", media_type="application/octet-stream", content=answer)) if answer else kept


def version_evidence(version: str) -> tuple[Evidence, ...]:
    """Keep which version of its server an attempt has met; one that the server does not say leaves no evidence."""
    told = sanitise(version[:VERSION_CHARACTERS])[0].encode()
    return (Evidence(role="server", media_type="text/plain", content=told),) if told else ()


def met(result: Reply | Failure, version: str) -> Reply | Failure:
    """Return what came of an attempt with the version of the server that it has met; it may not have come so far."""
    if isinstance(result, Reply):
        return replace(result, server_version=version)
    return replace(result, evidence=(*result.evidence, *version_evidence(version))) if result.evidence else result


def error_text(body: bytes) -> str:
    """Return the server's own words from an error body, short and without control characters."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    error = document.get("error", document) if isinstance(document, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    text = words if isinstance(words, str) else body[:400].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text[:400]).split()) or "nothing"


def rest_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server wants to be left alone: what it says, or until a used up allowance is reset."""
    resets = (
        _when(headers[reset], headers.get("date"))
        for left, reset in _ALLOWANCES
        if _finite(headers.get(left)) == 0 and headers.get(reset)
    )
    asked = [seconds for seconds in (retry_after(headers), *resets) if seconds is not None]
    return max(asked, default=None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks us to wait: retry-after-ms, or retry-after in seconds or as a date."""
    milliseconds = _finite(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _finite(value)
    if seconds is not None:
        return max(0.0, seconds)
    return _until(value, headers.get("date")) if value else None


def amount(beside: Any, name: str, *, unit: float = 1) -> int:
    """Return the number `name` times `unit`; 0 where there is none, or one that cannot be meant."""
    value = member(beside, name)
    if not isinstance(value, int | float) or not 0 <= value * unit <= LARGEST_AMOUNT:
        return 0  # NaN compares with nothing, so it ends here as well
    return round(value * unit)


def member(of: Any, name: str) -> Any:
    """Return what `of` has under a name; None where it is no object or has nothing."""
    return of.get(name) if isinstance(of, Mapping) else None


def bad_status(answer: Answer, where: str, advice: Mapping[int, str] = ADVICE) -> Failure | None:
    """Return the failure of an answer whose status is not 200. `advice` is what to look at, by status."""
    status = answer.status
    if status == 200:
        return None
    return Failure(
        error_class=_class_of(status),
        message=f"{where} answered {status}: {error_text(answer.body)}. {advice.get(status, '')}".rstrip(),
        retry_after_s=rest_of(answer.headers),
        outage=_OUTAGES.get(status),
        usage=Usage(refused=_is_refusal(status)),
    )


def _is_refusal(status: int) -> bool:
    """Say whether a status means that nobody has begun to answer."""
    return status in _OVERLOADED or (300 <= status < 500 and status not in _GIVEN_UP)


def _class_of(status: int) -> ErrorClass:
    if status == 429:
        return ErrorClass.RATE_LIMITED
    if status in _OVERLOADED:
        return ErrorClass.OVERLOADED
    return ErrorClass.TRANSIENT if status in _TRANSIENT or status >= 500 else ErrorClass.PERMANENT


def _too_large(where: str, limit: int, request: bytes, begin: bytes, started: float) -> Failure:
    return Failure(
        error_class=ErrorClass.INVALID_OUTPUT,
        message=f"{where} sent more than {limit:,} bytes; the rest was not read and the first {len(begin):,} are kept",
        evidence=evidence(request, begin),
        usage=Usage(service_us=_elapsed_us(started)),
    )


def _broken(where: str, error: httpx2.HTTPError) -> str:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return (
            f"{where} cannot be reached ({error or 'no answer'}). Check that it runs and that host and port are right."
        )
    return f"the connection to {where} broke: {error or type(error).__name__}"


def _elapsed_us(started: float) -> int:
    return round((time.monotonic() - started) * 1_000_000)


def _finite(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _when(reset: str, server_now: str | None) -> float | None:
    """Return the seconds that a reset is away: a number of them, a span as in 6m0s, or a time as in RFC 3339."""
    seconds = _finite(reset)
    if seconds is not None:
        return max(0.0, seconds)
    span = _SPAN.match(reset)
    if span is not None and reset:
        return sum(float(part) * unit for part, unit in zip(span.groups(), _SPAN_UNITS, strict=True) if part)
    try:
        then = datetime.datetime.fromisoformat(reset).timestamp()
        return max(0.0, then - _now_of(server_now))
    except (ValueError, OverflowError):
        return None


def _until(date: str, server_now: str | None) -> float | None:
    """Return the seconds up to `date` by the server's own clock, or by ours where it does not tell."""
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - _now_of(server_now))
    except (ValueError, OverflowError):  # OverflowError: a zone beyond all days
        return None


def _now_of(server_now: str | None) -> float:
    return email.utils.parsedate_to_datetime(server_now).timestamp() if server_now else time.time()
