"""What stands on a node of a Ray cluster for one runner: a local pool of one worker, for one version of a script.

It is a Ray actor, and knows nothing of Ray. Its worker is what every worker is, a process of its own with a warden,
limits and a private folder. What scripts ask for goes to the runner, which takes it by `next` and gives an `answer`.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wave_runner import __version__
from wave_runner.actors.job import Job, RequestRefused, ScriptVersion
from wave_runner.actors.pool import ScriptPool
from wave_runner.actors.ray_folder import HostFolder
from wave_runner.core.outcome import Outcome
from wave_runner.project.materialise import materialise


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A script as it travels: the bytes of its files by path, whatever the folder is that they came from."""

    script: ScriptVersion
    files: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What both ends must have in common: they exchange Python values."""

    python: str  # "3.11"
    wave_runner: str

    @classmethod
    def here(cls) -> Installation:
        return cls(python=".".join(platform.python_version_tuple()[:2]), wave_runner=__version__)

    def __str__(self) -> str:
        return f"wave-runner {self.wave_runner} on Python {self.python}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request of a script: the arguments of the method `name` of `Requests`."""

    number: int
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of a call: its outcomes in the order of its jobs, or what kept any worker from starting here."""

    outcomes: Sequence[Outcome] = ()
    broken: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the runner says to a request: a value, or why it is refused."""

    value: Any = None
    refused: str | None = None


class RayHost:
    """Does calls with one script, one at a time: `begin`, then `next` until that gives the end."""

    def __init__(self, parcel: Parcel) -> None:
        self._folder = HostFolder()
        script = parcel.script
        root = self._folder.path / "scripts" / "one"
        materialise(parcel.files, root, executable=script.entry if script.executable else "")
        self._script = replace(script, root=root)
        self._pool = ScriptPool(slots=1, work_dir=self._folder.path / "workers")
        self._said: asyncio.Queue[Asked | Finished] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        self._call: asyncio.Task[None] | None = None

    async def installation(self) -> Installation:
        return Installation.here()

    async def begin(self, jobs: Sequence[Job], timeout_s: float) -> None:
        """Begin a call; `timeout_s` is the limit of one item."""
        self._call = asyncio.create_task(self._do(jobs, replace(self._script, timeout_s=timeout_s)))

    async def next(self) -> Asked | Finished:
        """Wait for what the call has to say next."""
        return await self._said.get()

    async def answer(self, number: int, answer: Answer) -> None:
        waiting = self._waiting.pop(number)
        if waiting.done():
            return  # its worker has died, or was stopped, while it waited
        if answer.refused is None:
            waiting.set_result(answer.value)
        else:
            waiting.set_exception(RequestRefused(answer.refused))

    async def close(self) -> None:
        """End the worker and everything below it, and remove the files."""
        if self._call is not None:
            self._call.cancel()
            await asyncio.gather(self._call, return_exceptions=True)
        await self._pool.close()
        self._folder.remove()

    async def _do(self, jobs: Sequence[Job], script: ScriptVersion) -> None:
        try:
            finished = Finished(outcomes=await self._pool.run(script, jobs, self))
        except Exception as error:  # noqa: BLE001  # whatever it is, the runner waits for the end of the call
            finished = Finished(broken=f"{type(error).__name__}: {error}")
        self._said.put_nowait(finished)

    async def query(self, statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._ask("query", statement, parameters)
        return found

    async def stage(self, job_id: int, rows: list[dict[str, Any]]) -> int:
        staged: int = await self._ask("stage", job_id, rows)
        return staged

    async def complete(self, job_id: int) -> None:
        await self._ask("complete", job_id)

    async def staged(self, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._ask("staged", job_id, after, limit)
        return found

    async def decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        counts: dict[str, Any] = await self._ask("decide", job_id, decisions)
        return counts

    async def progress(self, job_id: int, done: int, total: int | None, note: str) -> None:
        await self._ask("progress", job_id, done, total, note)

    async def _ask(self, name: str, *arguments: Any) -> Any:
        self._asked += 1
        self._waiting[self._asked] = asyncio.get_running_loop().create_future()
        self._said.put_nowait(Asked(number=self._asked, name=name, arguments=arguments))
        return await self._waiting[self._asked]
