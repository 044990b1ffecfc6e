"""The values that pass between the runner and the pool of script workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wave_runner.core.outcome import Outcome
from wave_runner.core.sandbox import Sandbox


@dataclass(frozen=True, kw_only=True)
class ScriptVersion:
    """One version of a script, its files laid out read-only below `root`."""

    name: str
    sha256: str  # of the manifest: what a warm worker is known by
    root: Path
    entry: str  # path below root: "actors/summary_saver.py"
    executable: bool
    timeout_s: float  # for one item, or for one call of process_wave
    max_output_bytes: int
    environment: Mapping[str, str] = field(repr=False)  # beyond PATH, LANG, HOME and TMPDIR, all that the script sees
    sandbox: Sandbox


@dataclass(frozen=True, kw_only=True)
class Job:
    """One item for a script. `id` is the caller's; `record` is None for steps that run once per run."""

    id: int
    input: Mapping[str, Any]
    record: str | None
    run: Mapping[str, Any]
    attempt: int
    position: Any = None  # of the last row that this interaction has staged
    max_raw_bytes: int | None = None  # of one row that it stages; None: any number
    traceparent: str = ""  # of the attempt, where somebody listens by OpenTelemetry


class RequestRefused(Exception):
    """What a script asked for cannot be done; the message goes to the script, which gets it as an exception."""


class Requests(Protocol):
    """What scripts may ask for while they work; the runner answers. One instance per wave.

    `RequestRefused` is the script's mistake and goes back to it. Any other exception is the runner's: the worker is
    ended and `Pool.run` raises it.
    """

    async def query(self, statement: str, parameters: list[Any]) -> list[dict[str, Any]]: ...

    async def stage(self, job_id: int, rows: list[dict[str, Any]]) -> int:
        """Commit rows `{"raw", "source", "position"}`, `raw` being JSON text. Return how many.

        A row with `bytes` was larger than the job allows: it had so many, and `raw` is its beginning, as a JSON text.
        """
        ...

    async def complete(self, job_id: int) -> None:
        """Note that the item's source was read to its end."""
        ...

    async def staged(self, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
        """Return waiting rows of the run with an id above `after`, by id: `{"id", "raw", "source"}`, `raw` as text.

        These are `limit` at most, and fewer where they are large; none only where none is left.
        """
        ...

    async def decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        """Apply `{"decision": "promote", "id", "key", "values"}` and `{"decision": "reject", "id", "errors"}`.

        A rejection has the `key` as well, where the script could read it.
        """
        ...

    async def progress(self, job_id: int, done: int, total: int | None, note: str) -> None: ...


class HostLost(Exception):
    """The host on which a wave was worked on is gone, and with it whatever it had done: a lost lease."""


class Pool(Protocol):
    """Where scripts are done: on this host (`pool.ScriptPool`) or anywhere in a cluster (`ray_pool.RayPool`)."""

    async def run(self, script: ScriptVersion, jobs: Sequence[Job], requests: Requests) -> list[Outcome]:
        """Do all jobs and return one outcome for each, in order. Cancelling ends what does them.

        Raises `ActorError` if no worker can be started at all, `HostLost`, and what `requests` raises.
        """
        ...

    async def close(self) -> None:
        """End all workers. Safe twice; calls in progress are to be cancelled first."""
        ...
