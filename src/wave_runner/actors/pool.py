"""Worker processes for script actors: as many busy at once as there are slots, and some that stay warm by version."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from wave_runner.actors import sandbox
from wave_runner.actors.channel import Encoded, encode
from wave_runner.actors.job import Job, RequestRefused, Requests, ScriptVersion
from wave_runner.actors.worker_process import Round, Unusable, WorkerProcess
from wave_runner.core.canonical import JsonError
from wave_runner.core.outcome import Breach, ErrorClass, Failure, Outcome
from wave_runner.core.sandbox import Sandbox
from wave_runner.errors import ActorError, has_no_room

__all__ = ["Job", "RequestRefused", "Requests", "ScriptPool", "ScriptVersion", "key_of"]

_log = logging.getLogger(__name__)

WARM_S = 60.0
"""How long, seconds, a worker is kept without work: it holds memory, and starting another takes a tenth of a second."""

Key = tuple[str, str, str, int, Sandbox, tuple[tuple[str, str], ...]]


class ScriptPool:
    """Runs scripts in worker processes that stay warm between waves, `warm` of them at most. For one event loop.

    Create and use it in a thread that lives as long as the runner: workers end with the thread that started them.
    """

    def __init__(
        self,
        *,
        slots: int,
        work_dir: Path,
        warm: int = 1,
        warm_s: float = WARM_S,
        python: str = sys.executable,
        start_timeout_s: float = 60.0,
    ) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._warm = warm
        self._warm_s = warm_s
        self._work_dir = work_dir
        self._python = python
        self._start_timeout_s = start_timeout_s
        self._idle: dict[WorkerProcess, asyncio.TimerHandle] = {}  # the one used longest ago first
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, script: ScriptVersion, jobs: Sequence[Job], requests: Requests) -> list[Outcome]:
        """Do all jobs with one worker and return one outcome for each, in order.

        When a worker dies or is ended at the time limit, the item in hand is charged with it (all items, if the
        script takes whole waves) and the others go on in a new worker. Cancelling ends the worker. Raises only
        `ActorError`, if no worker can be started at all, and what `requests` raises.
        """
        if script.sandbox.missing:
            return [Failure(error_class=ErrorClass.PERMANENT, message=script.sandbox.missing)] * len(jobs)
        outcomes: dict[int, Outcome] = {}
        rest = _encode(jobs, outcomes)
        while rest:
            try:
                done = await self._round(script, list(rest.values()), requests)
            except Unusable as error:
                outcomes |= dict.fromkeys(rest, error.failure)
                break
            places = list(rest)
            found = done.outcomes
            if not found and done.fresh and done.failure:
                # It ended before it began anything. A warm one may have died of old age, but this would never end.
                found = {0: done.failure}
            for index, outcome in found.items():
                outcomes[places[index]] = outcome
                del rest[places[index]]
        return [outcomes[place] for place in range(len(jobs))]

    async def close(self) -> None:
        """End all workers. Safe twice; calls in progress are to be cancelled first."""
        self._closed = True
        for worker in list(self._idle):
            self._let_go(worker)
        await asyncio.gather(*self._endings)

    async def _round(self, script: ScriptVersion, jobs: list[Encoded], requests: Requests) -> Round:
        async with self._slots:
            return await self._use(await self._take(script), jobs, requests, script.timeout_s)

    async def _use(self, worker: WorkerProcess, jobs: list[Encoded], requests: Requests, timeout_s: float) -> Round:
        reusable = False
        try:
            await worker.load(self._start_timeout_s)
            done = await worker.do(jobs, requests, timeout_s)
            reusable = done.reusable and not self._closed
            if done.left_processes:
                _log.warning("%s left %d processes running; ended", worker.script.name, done.left_processes)
        finally:
            if reusable:
                self._put_by(worker)
            else:
                await asyncio.shield(self._retire(worker))
        return done

    async def _take(self, script: ScriptVersion) -> WorkerProcess:
        """Return an idle worker of this version, or start one."""
        if self._closed:
            raise RuntimeError("the pool is closed")
        for worker in [one for one in self._idle if not one.alive]:
            self._let_go(worker)
        seen = sandbox.seen(script.sandbox)
        for worker in reversed(self._idle):
            if key_of(worker.script) == key_of(script) and worker.seen == seen:
                self._idle.pop(worker).cancel()
                return worker
        try:
            return await WorkerProcess.start(script, self._python, self._work_dir)
        except OSError as error:
            if has_no_room(error):
                raise
            hint = f"check that {self._python} runs, and that {self._work_dir} can be written"
            raise ActorError(f"no worker can be started for {script.name}: {error}", hint=hint) from error

    def _put_by(self, worker: WorkerProcess) -> None:
        """Keep a worker for its next wave, and no longer than that is likely to come."""
        self._idle[worker] = asyncio.get_running_loop().call_later(self._warm_s, self._let_go, worker)
        while len(self._idle) > self._warm:
            self._let_go(next(iter(self._idle)))

    def _let_go(self, worker: WorkerProcess) -> None:
        self._idle.pop(worker).cancel()
        self._retire(worker)

    def _retire(self, worker: WorkerProcess) -> asyncio.Task[None]:
        """End a worker in a task of its own, so that a cancelled wave cannot leave it half ended."""
        task = asyncio.create_task(_end(worker))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task


async def _end(worker: WorkerProcess) -> None:
    end = await worker.end()
    worker.close()
    if end.trouble:
        _log.warning("ending a worker of %s: %s", worker.script.name, end.trouble)


def key_of(script: ScriptVersion) -> Key:
    """What a warm worker must have in common with a script version to do its work; the time limit is ours."""
    environment = tuple(sorted(script.environment.items()))
    return script.sha256, str(script.root), script.entry, script.max_output_bytes, script.sandbox, environment


def _encode(jobs: Sequence[Job], outcomes: dict[int, Outcome]) -> dict[int, Encoded]:
    """Return the jobs by place, ready to travel; those that cannot get their outcome at once."""
    ready: dict[int, Encoded] = {}
    for place, job in enumerate(jobs):
        try:
            ready[place] = encode(job)
        except JsonError as error:
            outcomes[place] = Breach(rule=error.rule, message=f"the input cannot be handed to a script: {error}")
    return ready
