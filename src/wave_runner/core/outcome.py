"""What came of one try of an interaction: a value the runner decides from.

An actor never raises for what one item did; it returns one of

- `Done`: the actor answered; the answer has not been checked against the step's contract yet,
- `Breach`: the item, or the answer, broke the contract, by a named rule,
- `Failure`: no usable answer, with the class that decides about a retry.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Outage(enum.StrEnum):
    """Whom a failure speaks of where it says nothing of the item: the work waits, and nothing is charged to it."""

    SERVER = "server"  # nobody there, a key that is refused, too many requests
    MODEL = "model"  # the server does not have it, or cannot load it


class ErrorClass(enum.StrEnum):
    """Why there is no answer. The class decides about the retry (`wave_runner.core.retry`)."""

    TRANSIENT = "transient"  # a connection broke, a server answered 5xx: try again
    RATE_LIMITED = "rate_limited"  # 429: try again after the time the server named
    OVERLOADED = "overloaded"  # 503 with a full queue: try again later
    INVALID_OUTPUT = "invalid_output"  # an answer came and broke the contract
    TRUNCATED = "truncated"  # the answer was cut at the token limit
    PERMANENT = "permanent"  # the same request can never succeed: no retry
    CRASHED = "crashed"  # the worker process died under the item
    TIMEOUT = "timeout"  # the hard time limit of the attempt passed


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Exact bytes of one attempt that are kept as a payload: the request, the raw answer, a log, a traceback.

    With role "server" it is the version of the model server that the attempt has met, as the server says it.
    """

    role: str  # "request" | "answer" | "server" | "log" | "error"
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Write:
    """`ctx.write`: set `values` in the record's own row of `table`."""

    table: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Replace:
    """`ctx.replace`: the rows of `table` that belong to the record become exactly `rows`."""

    table: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """`ctx.db.execute`: one statement that runs in the transaction that records the result, or not at all."""

    statement: str
    parameters: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What an attempt cost. Times in microseconds; 0 where the actor has no such thing.

    `rest_s` is how long a server wants to be left alone after it, `result_bytes` how large a script's result was.
    `refused` is a request that nobody has begun to answer: that it has used no tokens is known, and not only untold.
    """

    service_us: int = 0
    load_us: int = 0
    prompt_us: int = 0
    generate_us: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    rest_s: float = 0.0
    result_bytes: int = 0
    refused: bool = False


NO_USAGE = Usage()


@dataclass(frozen=True, kw_only=True)
class Done:
    """The actor answered with `output` (a JSON object); the runner checks it before anything is saved."""

    output: Any
    writes: tuple[Write | Replace, ...] = ()
    effects: tuple[Effect, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = NO_USAGE


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A contract was broken. `rule` is the name that reports group by, `message` what a person reads.

    `retry` is True where another try may give another answer (a model's bad answer), False where the item itself
    is wrong (a script's `ctx.reject`).
    """

    rule: str
    message: str
    retry: bool = False
    error_class: ErrorClass = ErrorClass.INVALID_OUTPUT
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = NO_USAGE


@dataclass(frozen=True, kw_only=True)
class Failure:
    """No usable answer. `retry_after_s` is what a server asked us to wait, if it did; `outage` whose fault it is."""

    error_class: ErrorClass
    message: str
    outage: Outage | None = None
    retry_after_s: float | None = None
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = NO_USAGE


Outcome = Done | Breach | Failure
