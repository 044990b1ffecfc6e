"""What every model server driver does, and the values that pass between a driver and the `ai_model` actor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from wave_runner.core.outcome import Failure, Usage


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What the runner may rely on: requests in flight at once, and whether loads are ours to order."""

    slots: int
    controls_residency: bool  # False for a remote server: nothing to load or unload
    version: str


@dataclass(frozen=True, kw_only=True)
class Load:
    """One `ensure_loaded`. `loaded` is False when the model was resident already; `load_us` in microseconds."""

    model: str
    loaded: bool
    load_us: int
    evicted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One prompt of one record. `schema` is a JSON Schema that the answer must fit, or None for free text."""

    model: str
    prompt: str
    schema: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A server's answer as it came. `finish` is "stop" or "length"; `request` and `raw` are the exact bytes.

    `rest_s` is how long the server wants to be left alone after it.
    """

    text: str
    finish: str
    request: bytes
    raw: bytes
    usage: Usage
    server_version: str
    rest_s: float = 0.0


class ModelServer(Protocol):
    """One model server. Implementations: `llama_cpp` (owns a child process), `openai` (any compatible URL)."""

    async def capabilities(self) -> Capabilities: ...

    async def digest(self, model: str) -> str:
        """Return "sha256:…" of the weights, or a stable name of what the server says it serves."""
        ...

    async def resident(self) -> frozenset[str]:
        """Return the models that are really in memory now, read from the server."""
        ...

    async def ensure_loaded(self, model: str) -> Load | Failure: ...

    def wording(self, request: Request) -> bytes | None:
        """Return where and exactly what `infer` would send; None for what cannot be sent. Two that are alike are one
        question."""
        ...

    async def infer(self, request: Request) -> Reply | Failure:
        """Do one request. Never retries: one call is one attempt."""
        ...

    async def unload(self, model: str) -> None: ...

    async def close(self) -> None:
        """End what the driver owns. Safe twice, and when nothing was started."""
        ...
