"""The lane of a model server's slot: keep the model that is loaded, do its waves, change it only when it pays."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass

from wave_runner import crash_points
from wave_runner.actors.ai_model import answer
from wave_runner.core.outcome import ErrorClass, Failure, Outcome
from wave_runner.core.wave import Linger, choose, wave_size
from wave_runner.errors import ModelServerError, WaveError
from wave_runner.runner.begin import begin
from wave_runner.runner.hold import Holder
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ready, prepare
from wave_runner.runner.record import quarantine, record
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.runner.texts import Texts
from wave_runner.servers.protocol import Load, ModelServer
from wave_runner.store import waves
from wave_runner.store.database import Database

log = logging.getLogger("wave_runner.runner")

LARGEST_WAVE = 500
# After so many failed loads in a row a person is told; the lane goes on trying.
FAILURES_TO_TELL = 3


@dataclass(kw_only=True)
class Visit:
    """The model in the slot, and the visit that its waves belong to."""

    work_key: str
    model: str
    visit_id: int


class ModelLane:
    """One slot of one server. `trouble` is set while the server or a model cannot be used."""

    def __init__(
        self,
        *,
        name: str,
        slot: int,
        server: ModelServer,
        owned: bool,
        concurrency: int,
        database: Database,
        holder: Holder,
        steps: Steps,
        linger_s: float,
        texts: Texts,
        before_wave: Callable[[], Awaitable[WaveError | None]],
        after_wave: Callable[[], None],
    ) -> None:
        self.name = name
        self._slot = slot
        self._server = server
        self._owned = owned
        self._concurrency = concurrency
        self._database = database
        self._holder = holder
        self._steps = steps
        self._linger_s = linger_s
        self._texts = texts
        self._before_wave = before_wave
        self._after_wave = after_wave
        self._visit: Visit | None = None
        self._lingering_since: float | None = None
        self._failures = 0
        self._not_before = 0.0
        self._pace = Pace()
        self._folder_trouble: WaveError | None = None
        self._load_trouble: WaveError | None = None
        self.blocked_by: list[str] = []
        self.paused: list[str] = []
        self.stopping = False

    @property
    def trouble(self) -> WaveError | None:
        """Why this lane cannot work: a folder that cannot be read, or a model that cannot be loaded."""
        return self._folder_trouble or self._load_trouble

    async def one_pass(self) -> bool:
        """Do one wave. False if there was nothing to do, or the model is being kept for work on its way."""
        self._folder_trouble = await self._before_wave()
        if self._folder_trouble is not None or not self._holder.may_claim:
            return False
        if time.monotonic() < self._not_before:
            return False
        queues = await waves.waiting(self._database, [self.name])
        self.blocked_by = sorted({queue.actor for queue in queues if queue.drifted})
        self.paused = sorted({queue.actor for queue in queues if queue.paused})
        choice = choose(
            [queue.waiting for queue in queues if queue.is_open],
            resident=self._visit.work_key if self._visit else None,
            feeding=await self._is_fed(queues),
        )
        if choice is None or isinstance(choice, Linger):
            return False
        queue = next(queue for queue in queues if queue.waiting.queue_id == choice.queue.queue_id)
        step = await self._steps.of_run(queue.run_step_id)
        visit = await self._visit_for(queue, step)
        if visit is None:
            return False
        return await self._do_wave(queue, visit, step, choice.reason)

    async def _do_wave(self, queue: waves.Queue, visit: Visit, step: StepInHand, reason: str) -> bool:
        wave = await self._holder.claim(
            queue.waiting.queue_id,
            size=wave_size(
                service_s=self._pace.of(queue.waiting.queue_id),
                lease_s=self._holder.lease_s,
                concurrency=self._concurrency,
                largest=LARGEST_WAVE,
            ),
            reason=reason,
            held=queue.held,
            server=self.name,
            slot=self._slot,
            visit_id=visit.visit_id,
        )
        if wave is None:
            return False
        deadline_s = step.pinned.timeout_s * (len(wave.items) / self._concurrency + 1) + self._holder.lease_s
        await self._holder.work(wave, self._do, deadline_s=deadline_s)
        self._after_wave()
        return True

    async def _do(self, wave: waves.Wave) -> int:
        prepared = await prepare(self._database, self._steps, wave.items)
        done = await quarantine(self._database, wave, prepared.stopped)
        todo = list(reversed(prepared.ready))
        recorded: list[int] = [done]

        async def one_after_the_other() -> None:
            while todo and not self.stopping:
                recorded.append(await self._ask(wave, todo.pop()))

        await _together([one_after_the_other() for _ in range(min(self._concurrency, len(todo)))])
        return sum(recorded)

    async def _ask(self, wave: waves.Wave, ready: Ready) -> int:
        """One record, one prompt: start, ask, record."""
        started, stopped = await begin(self._database, wave, [ready])
        if not started:
            return stopped
        outcome = await self._answer(ready)
        return await record(self._database, wave, [(ready, outcome)], self._texts)

    async def _answer(self, ready: Ready) -> Outcome:
        pinned = ready.step.pinned
        assert pinned.model is not None, "a queue of a model lane holds steps of models"
        began = time.monotonic()
        outcome = await answer(
            self._server, pinned.model, prompt=ready.prompt, schema=ready.step.schema, timeout_s=pinned.timeout_s
        )
        self._pace.measure(ready.step.run_step.queue_id, time.monotonic() - began)
        crash_points.passed("models/answered")
        return outcome

    async def _visit_for(self, queue: waves.Queue, step: StepInHand) -> Visit | None:
        """Make the queue's model resident; None if the server is another runner's, or the load failed."""
        if self._owned and not await waves.own_server(
            self._database, self.name, self._holder.runner_id, lease_s=self._holder.lease_s
        ):
            await self._let_go()
            return None
        assert step.pinned.model is not None, "a queue of a model lane holds steps of models"
        model = step.pinned.model.model
        load = await self._load(model)
        crash_points.passed("models/loaded")
        if isinstance(load, Failure):
            await self._load_failed(model, load)
            return None
        self._failures, self._load_trouble = 0, None
        if self._visit is None or self._visit.work_key != queue.waiting.work_key or load.loaded:
            opened = waves.Visit(
                server=self.name,
                model=model,
                digest=await self._server.digest(model),
                loaded=load.loaded,
                load_us=load.load_us,
                evicted=load.evicted,
            )
            visit_id = await waves.open_visit(self._database, opened, runner_id=self._holder.runner_id)
            self._visit = Visit(work_key=queue.waiting.work_key, model=model, visit_id=visit_id)
            self._lingering_since = None
        return self._visit

    async def _load_failed(self, model: str, failure: Failure) -> None:
        self._failures += 1
        delay_s = min(30.0, 0.5 * 2.0**self._failures)
        self._not_before = time.monotonic() + delay_s
        log.warning("model %s on %s: %s; trying again in %.0f s", model, self.name, failure.message, delay_s)
        if self._failures >= FAILURES_TO_TELL or failure.error_class is ErrorClass.PERMANENT:
            self._load_trouble = ModelServerError(
                f"model {model} on server {self.name}: {failure.message}",
                hint=f"check [servers.{self.name}] in wave.toml; the work waits and nothing is lost",
            )
        await waves.record_load_failure(
            self._database,
            runner_id=self._holder.runner_id,
            server=self.name,
            model=model,
            error_class=str(failure.error_class),
        )
        if self._owned:  # another runner may have a server that works
            await waves.disown_server(self._database, self.name, self._holder.runner_id)

    async def _load(self, model: str) -> Load | Failure:
        """Load a model. A server that cannot run here is a failed load too: the work waits for another runner."""
        try:
            return await self._server.ensure_loaded(model)
        except ModelServerError as error:
            return Failure(error_class=ErrorClass.PERMANENT, message=f"{error.message}. {error.hint}")

    async def _let_go(self) -> None:
        """The server is another runner's now: what we still have in memory would stand in its way."""
        if self._visit is not None:
            self._visit = None
            await self._server.close()

    async def _is_fed(self, queues: Sequence[waves.Queue]) -> bool:
        """Say whether the resident model should be kept although nothing waits for it at this moment."""
        visit = self._visit
        if visit is None or any(queue.waiting.work_key == visit.work_key for queue in queues):
            self._lingering_since = None
            return False
        now = time.monotonic()
        self._lingering_since = self._lingering_since or now
        if now - self._lingering_since > self._linger_s:
            return False
        return await waves.feeding(self._database, visit.work_key, linger_s=self._linger_s)


async def _together(tasks: Sequence[Coroutine[None, None, None]]) -> None:
    """Run coroutines side by side; the first error cancels the others and is raised as itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
