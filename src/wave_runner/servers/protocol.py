"""What every model server driver does, and the values that pass between a driver and the `ai_model` actor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wave_runner.core.outcome import Failure, Usage

NO_OPTIONS: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What the runner may rely on.

    `slots` is how many requests may be in flight at once. `controls_residency` is False for a server that loads and
    unloads as it likes; of one that does as it is told, `models_max` models may be resident together (None: any number)
    and `memory` bytes of them (None: nobody counts).
    """

    slots: int
    controls_residency: bool
    version: str
    models_max: int | None = None
    memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """One `ensure_loaded`. `loaded` is False when the model was resident already; `load_us` in microseconds.

    `digest` is that of the weights which are in memory now, and answer.
    `evicted` are the models that are no longer resident because of it: those that were unloaded to make room, and those
    that the server has dropped by itself.
    """

    model: str
    digest: str
    loaded: bool
    load_us: int
    evicted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One prompt of one record. `schema` is a JSON Schema that the answer must fit, or None for free text.

    With `token_timeout_s` the answer is streamed, and given up when it pauses for so long once it has begun.
    `traceparent` is sent as a header, and is no part of the question.
    """

    model: str
    prompt: str
    schema: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 300.0
    token_timeout_s: float | None = None
    traceparent: str = ""  # of the attempt; "" where nobody listens


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A server's answer as it came. `finish` is "stop" or "length"; `request` and `raw` are the exact bytes.

    `rest_s` is how long the server wants to be left alone after it, `server_version` what it calls itself, if it does.
    """

    text: str
    finish: str
    request: bytes
    raw: bytes
    usage: Usage
    server_version: str = ""
    rest_s: float = 0.0


class ModelServer(Protocol):
    """One model server. Implementations: `llama_cpp` (owns a child process), `ollama` (by URL, loads what it is told),
    `openai` (any compatible URL), and `actors.ray_server` (has `llama_cpp` anywhere in a cluster)."""

    async def capabilities(self) -> Capabilities: ...

    async def digest(self, model: str) -> str:
        """Return "sha256:…" of the weights that would be asked now, after a load if need be.

        Where nobody can tell, it is a stable name of what the server says it serves.
        """
        ...

    async def resident(self) -> Mapping[str, int | None]:
        """Return the models that are really in memory now, read from the server, and how many bytes each takes.

        None where nobody knows; of a server that cannot be asked there is nothing to return.
        """
        ...

    async def size(self, model: str) -> int | None:
        """Return how many bytes of memory a model takes or would take, as far as anybody knows."""
        ...

    async def ensure_loaded(
        self,
        model: str,
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        evict: Sequence[str] | None = None,
        kept: Collection[str] = (),
    ) -> Load | Failure:
        """Have `model` in memory, loaded as its `options` say. `evict` is what is unloaded first, if it is resident.

        Nothing else is unloaded then: where that does not make enough room the load fails. With None the driver makes
        room by itself. It spares models that are at work as long as it can, and never unloads those that are `kept`:
        somebody is at them, if only between two requests.
        """
        ...

    def wording(self, request: Request) -> bytes | None:
        """Return where and exactly what `infer` would send; None for what cannot be sent. Two that are alike are one
        question."""
        ...

    async def infer(self, request: Request) -> Reply | Failure:
        """Do one request. Never retries: one call is one attempt.

        Where the server is on a host of a cluster (`actors.ray_server`), `HostLost` says that it went down with that.
        """
        ...

    async def unload(self, model: str) -> None: ...

    async def close(self) -> None:
        """End what the driver owns. Safe twice, and when nothing was started; it can be used again afterwards."""
        ...
