"""The lane of a model server's slot: keep the model that is loaded, do its waves, change it only when it pays.

A wave is claimed before its model is made resident: what has been answered before needs none.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

from wave_runner import crash_points
from wave_runner.actors.ai_model import answer
from wave_runner.actors.job import HostLost
from wave_runner.core.breaker import Position, sign_of
from wave_runner.core.loading import name_in
from wave_runner.core.outcome import ErrorClass, Failure, Outage, Outcome
from wave_runner.core.patience import Measured, attempt_limit_s, is_measure
from wave_runner.core.rates import Rate, refund_s, spacing_s
from wave_runner.core.retry import LONGEST_ASKED_S
from wave_runner.core.wave import Choice, Linger, Waiting, wave_size
from wave_runner.core.workflow import ModelSpec
from wave_runner.errors import ModelServerError, WaveError
from wave_runner.runner.approved_weights import ApprovedWeights
from wave_runner.runner.begin import begin, tokens_granted
from wave_runner.runner.courtesy import Courtesy
from wave_runner.runner.hold import Holder, Wait
from wave_runner.runner.in_hand import InHand, Visit
from wave_runner.runner.limited import LONGEST_NAP_S, Rests, limits_of
from wave_runner.runner.memory import ServerMemory, Slot
from wave_runner.runner.outlook import Outlook
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ready, overdue, prepare
from wave_runner.runner.recall import look_up, take, with_question
from wave_runner.runner.record import quarantine, record
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.runner.telling import parent_of, tell_claim
from wave_runner.runner.texts import Texts
from wave_runner.runner.trouble import spared, trouble_to_tell, until_after_next_probe_s
from wave_runner.runner.weights import Weights
from wave_runner.servers.protocol import Load, ModelServer
from wave_runner.store import accounts, breakers, interactions, waves
from wave_runner.store.accounts import Limited
from wave_runner.store.database import Database
from wave_runner.telemetry import tell_load

log = logging.getLogger("wave_runner.runner")

LARGEST_WAVE = 500
PROBE = "probe"
# How long a wave is kept while its weights are hashed and its model is loaded. A driver gives up by itself, after its
# server's `start_timeout_s`.
LONGEST_LOAD_S = 3600.0


class ModelLane:
    """One slot of one server. `trouble` is set while the server or a model is of no use."""

    def __init__(
        self,
        *,
        name: str,
        slot: int,
        server: ModelServer,
        memory: ServerMemory,
        owned: bool,
        concurrency: int,
        rate: Rate,
        database: Database,
        holder: Holder,
        outlook: Outlook,
        steps: Steps,
        linger_s: float,
        texts: Texts,
        after_wave: Callable[[], None],
    ) -> None:
        self.name = name
        self._slot = slot
        self._server = server
        self._memory = memory
        self._owned = owned
        self._concurrency = concurrency
        self._rate = rate
        self._database = database
        self._holder = holder
        self._outlook = outlook
        self._steps = steps
        self._linger_s = linger_s
        self._texts = texts
        self._after_wave = after_wave
        self._approved = ApprovedWeights(database, server, holder, name=name)
        self._visit: Visit | None = None
        self._answered: set[int] = set()  # queues of which nothing in the last wave had to be asked
        self._drained_since: float | None = None  # nothing waits for the model that was asked last
        self._idle_since: float | None = None  # although something waits
        self._ours = True  # as far as is known; nobody has a server by URL to himself
        self._worried = False  # something has failed since it was known to work
        self._asking = asyncio.Lock()  # for leave to begin: one at a time, the others would ask in vain
        self._pace = Pace()
        self._weights = Weights()
        self._rests = Rests()  # queues
        self._courtesy = Courtesy()
        self._short = Rests()  # runs whose budget does not suffice for one more call beside those under way
        self.trouble: WaveError | None = None
        self.stopping = False

    def soonest_s(self) -> float:
        """Return the seconds until there may be work that had to be put off."""
        return self._rests.soonest_s()

    async def one_pass(self) -> bool:
        """Do one wave. False if there was nothing to do, or the model is being kept for work on its way."""
        if not self._holder.may_claim:
            return False
        self._rests.forget_those_over()
        self._short.forget_those_over()
        queues = await self._look()
        # A server that was another runner's is asked for before anything is thought: as a rule it still is.
        if queues and not self._ours and not await self._own():
            return False
        try:
            queue, reason = await self._chosen(queues)
            if queue is None:
                return False
            step = await self._steps.of_run(queue.run_step_id)
            trouble = queue.trouble
            if trouble is None or trouble.position is Position.CLOSED:
                return await self._serve(queue, step, reason, size=self._size(queue, step))
            return await self._try(trouble, queue, step)
        finally:
            self._memory.done(self._slot)

    async def _look(self) -> dict[int, waves.Queue]:
        """Return what waits and may be claimed, or tried."""
        queues = await self._outlook.of(self.name, whole=True)  # one left out would cost a load
        await self._approved.look_again(queues)
        self.trouble = trouble_to_tell(queues)
        self._worried = self._worried or any(queue.trouble is not None for queue in queues)
        if any(queue.waiting.work_key == self._current for queue in queues):
            self._drained_since = None
        elif self._drained_since is None:
            self._drained_since = time.monotonic()
        return {queue.id: queue for queue in queues if queue.is_open and self._rests.is_over(queue.id)}

    async def _chosen(self, queues: dict[int, waves.Queue]) -> tuple[waves.Queue | None, str]:
        """Choose what to do next, and say why; None where nothing waits, or it is better to wait for more."""
        left: set[int] = set()  # to others

        async def look_again() -> Sequence[Waiting]:
            found = await self._look()
            queues.clear()
            queues.update({queue_id: queue for queue_id, queue in found.items() if queue_id not in left})
            return [queue.waiting for queue in queues.values()]

        while isinstance(choice := await self._choose(queues, look_again), Choice):
            queue = queues.pop(choice.queue.queue_id)
            # Nobody else can be at a server of our own.
            if self._owned or not self._courtesy.leaves(
                queue, enough=self._wave_size(queue.id), beside=queues.values()
            ):
                return queue, choice.reason
            left.add(queue.id)
            if choice.queue.work_key == self._current:
                break  # it gathers, and comes at once: another model would have to be loaded meanwhile
        return None, ""

    async def _choose(
        self, queues: Mapping[int, waves.Queue], look_again: Callable[[], Awaitable[Sequence[Waiting]]]
    ) -> Choice | Linger | None:
        now = time.monotonic()
        paces = {queue.waiting.work_key: self._pace.of(queue.id) for queue in queues.values()}
        slot = Slot(
            number=self._slot,
            current=self._current,
            lingers=self._drained_since is not None and now - self._drained_since <= self._linger_s,
            lingered_s=now - self._idle_since if self._idle_since is not None else 0.0,
            service_s={key: seconds / self._concurrency for key, seconds in paces.items() if seconds is not None},
        )
        choice = await self._memory.choose([queue.waiting for queue in queues.values()], slot, look_again)
        if isinstance(choice, Choice) or not queues:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        return choice

    @property
    def _current(self) -> str | None:
        return self._visit.work_key if self._visit is not None else None

    async def _try(self, trouble: breakers.Trouble, queue: waves.Queue, step: StepInHand) -> bool:
        """Ask a server or a model once that has been left alone: a single record, by a single runner."""
        me, lease_s = self._holder.runner_id, self._holder.lease_s
        longest_s = attempt_limit_s(step.pinned.patience, queue.measured, errors=step.pinned.max_attempts)
        if not await breakers.probe(
            self._database, trouble.of, runner_id=me, probe_s=longest_s + lease_s, lease_s=lease_s
        ):
            return False
        try:
            return await self._serve(queue, step, PROBE, size=1)
        finally:
            await breakers.give_up(self._database, trouble.of, runner_id=me)

    async def _serve(self, queue: waves.Queue, step: StepInHand, reason: str, *, size: int) -> bool:
        """Do one wave of a queue. False if its server or its model cannot be had, or others were first."""
        if self._owned and not await self._own():
            return False
        limited = self._limits_of(step)
        if seconds := await accounts.wait(self._database, limited):
            self._rests.put(queue.id, min(seconds, LONGEST_NAP_S))
            return True
        async with self._database.transaction(by_key=True) as connection:
            wave = await self._holder.claim(
                connection,
                queue.id,
                size=size,
                reason=reason,
                held=[*queue.held, *self._short.resting()],
                front=queue.front,
                # What is by URL has no slots that a wave could have to itself: it is asked by all, within its limits.
                server=self.name if self._owned else None,
                slot=self._slot if self._owned else None,
            )
        if wave is None or isinstance(wave, Wait):
            if not (self._owned or self._short.resting()):
                self._courtesy.came_late(queue)
            return False
        self._courtesy.came_first(queue)
        self._memory.claimed(self._slot, queue.id)
        tell_claim(queue, wave)
        probes = reason == PROBE
        spared_s = until_after_next_probe_s(queue) if probes else 0.0
        in_hand = InHand(wave=wave, queue=queue, step=step, probes=probes, limited=limited, spared_s=spared_s)
        deadline_s = self._deadline_s(step, queue.measured, wave.items)
        await self._holder.work(wave, lambda _: self._do(in_hand), deadline_s=deadline_s)
        await self._pace.tell(self._database, queue.id)
        self._after_wave()
        return not in_hand.failed

    def _size(self, queue: waves.Queue, step: StepInHand) -> int:
        """Return how many to claim: more than can be asked only where it looks as if nobody had to be."""
        asked = self._most_asked(queue, step)
        return max(asked, min(LARGEST_WAVE, self._weights.fitting(queue.id))) if queue.id in self._answered else asked

    def _most_asked(self, queue: waves.Queue, step: StepInHand) -> int:
        """Return how many a wave asks: what is done in one lease, and begun in a third of one where that is limited."""
        spacing = spacing_s([one.rate for one in self._limits_of(step)])
        return self._wave_size(queue.id, least_s=3 * spacing * self._concurrency)

    def _wave_size(self, queue_id: int, *, least_s: float = 0.0) -> int:
        return wave_size(
            service_s=max(self._pace.of(queue_id) or 0.0, least_s) or None,
            lease_s=self._holder.lease_s,
            concurrency=self._concurrency,
            largest=min(LARGEST_WAVE, self._weights.fitting(queue_id)),
        )

    def _limits_of(self, step: StepInHand) -> tuple[Limited, ...]:
        return limits_of(step.pinned, server=self.name, allows=self._rate)

    def _deadline_s(self, step: StepInHand, measured: Measured, items: Sequence[waves.Item]) -> float:
        """Return how long a wave is kept without a sign of life from it."""
        errors = max((item.errors for item in items), default=0)
        limit_s = attempt_limit_s(step.pinned.patience, measured, errors=errors)
        return limit_s * (len(items) / self._concurrency + 1) + self._holder.lease_s

    async def _do(self, in_hand: InHand) -> int:
        """Record what has been answered before; have the model loaded and asked if anything is left."""
        wave, queue, step = in_hand.wave, in_hand.queue, in_hand.step
        prepared = await prepare(self._database, self._steps, wave.items)
        self._weights.given(wave.queue_id, [one.size for one in prepared.ready])
        done = await quarantine(self._database, wave, prepared.stopped)
        self._holder.heartbeat.hold(wave.wave_id, deadline_s=LONGEST_LOAD_S)
        weights = await self._weights_of(step)
        if not await self._approved.may_ask(queue, weights):
            in_hand.failed = True
            return done
        taken, left = await self._recall(in_hand, weights, prepared.ready)
        if not left:
            self._answered.add(queue.id)
            return done + taken
        self._answered.discard(queue.id)
        visit = await self._visit_for(queue, step)
        if visit is None or not await self._approved.may_ask(queue, visit.weights, loaded=True):
            in_hand.failed = True  # what is left goes back as it was
            return done + taken
        await waves.enter(self._database, wave, visit_id=visit.visit_id)
        asked = [with_question(self._server, visit.weights, one) for one in left[: self._most_asked(queue, step)]]
        began = time.monotonic()
        try:
            return done + taken + await self._ask_all(in_hand, asked)
        finally:
            self._memory.worked(visit.work_key, time.monotonic() - began)

    async def _recall(self, in_hand: InHand, weights: str, ready: Sequence[Ready]) -> tuple[int, Sequence[Ready]]:
        """Complete what has been answered before. Returns how many those were, and what has to be asked.

        A probe is there to see whether the server answers: it asks in any case.
        """
        if in_hand.probes or not weights:
            return 0, ready
        recalled = await look_up(self._database, self._server, weights, ready, self._texts)
        taken = await take(self._database, in_hand.wave, recalled.hits)
        return taken.done, [*taken.left, *recalled.left]

    async def _weights_of(self, step: StepInHand) -> str:
        assert step.pinned.model is not None, "a queue of a model lane holds steps of models"
        return await self._approved.digest(step.pinned.model.model)

    async def _ask_all(self, in_hand: InHand, ready: Sequence[Ready]) -> int:
        """Ask as many at once as the server allows. Returns how many were still ours."""
        wave = in_hand.wave
        todo = list(reversed(ready))
        recorded: list[int] = []

        async def one_after_the_other() -> None:
            while todo and not self.stopping and not in_hand.enough:
                ready = todo.pop()
                left = [one.item for one in (ready, *todo)]
                if said := in_hand.is_late(ready):
                    recorded.append(await quarantine(self._database, wave, [overdue(ready.item, ready.step, said)]))
                    continue
                deadline_s = self._deadline_s(ready.step, in_hand.queue.measured, left)
                self._holder.heartbeat.hold(wave.wave_id, deadline_s=deadline_s)
                done = await self._ask(in_hand, ready)
                if done is None:
                    todo.insert(0, ready)
                    await self._let_others_go_first(in_hand, ready, todo)
                else:
                    recorded.append(done)

        try:
            await _together([one_after_the_other() for _ in range(min(self._concurrency, len(todo)))])
        except HostLost as lost:
            await self._lose(wave, lost)
        return sum(recorded)

    async def _lose(self, wave: waves.Wave, lost: HostLost) -> None:
        """Give back what a wave had left when its model went down with a host, as if its lease had run out."""
        message = "wave %s: the host that its model was on was lost; what it had left goes back (%s)"
        log.warning(message, wave.wave_id, lost, extra={"wave_id": wave.wave_id})
        me, run_flow = self._holder.runner_id, self._steps.run_flow
        async with self._database.transaction() as connection:
            await interactions.lose(connection, wave, runner_id=me, run_flow=run_flow)

    async def _let_others_go_first(self, in_hand: InHand, short: Ready, todo: Sequence[Ready]) -> None:
        """Wait for calls under way to give back what they have reserved, unless there is something else to do."""
        if any(one.item.run_id != short.item.run_id for one in todo):
            return
        in_hand.waited_s += LONGEST_NAP_S
        if in_hand.waited_s > self._longest_wait_s:
            # Too long to sit on claimed work: it goes back, and other runs come first.
            self._short.put(short.item.run_id, self._longest_wait_s)
            in_hand.enough = True
        await asyncio.sleep(LONGEST_NAP_S)

    @property
    def _longest_wait_s(self) -> float:
        return self._holder.lease_s / 3

    async def _ask(self, in_hand: InHand, ready: Ready) -> int | None:
        """One record, one prompt: start, ask, record. None if its run's budget has to wait for calls under way."""
        async with self._asking:
            begun, waited_s = await begin(self._database, in_hand.wave, [ready], in_hand.limited), 0.0
            while begun.wait_s and not self.stopping and not in_hand.enough:
                nap_s = min(begun.wait_s, LONGEST_NAP_S)
                waited_s += nap_s
                if waited_s > self._longest_wait_s:
                    in_hand.enough = True  # it goes back, and the account is asked before the next claim
                    break
                await asyncio.sleep(nap_s)
                begun = await begin(self._database, in_hand.wave, [ready], in_hand.limited)
        if begun.short:
            return None
        if not begun.started:
            return begun.stopped
        outcome = await self._answer(in_hand, ready)
        recorded = spared(outcome, in_hand.spared_s) if in_hand.spared_s else outcome
        done = await record(self._database, in_hand.wave, [(ready, recorded)], self._texts)
        await self._settle_accounts(in_hand, ready, outcome)
        await self._judge(in_hand, ready, outcome)
        return done

    async def _answer(self, in_hand: InHand, ready: Ready) -> Outcome:
        pinned = ready.step.pinned
        limit_s = attempt_limit_s(pinned.patience, in_hand.queue.measured, errors=ready.item.errors)
        assert pinned.model is not None, "a queue of a model lane holds steps of models"
        began = time.monotonic()
        outcome = await answer(
            self._server,
            pinned.model,
            prompt=ready.prompt,
            schema=ready.step.schema,
            timeout_s=limit_s,
            traceparent=parent_of(in_hand.wave, ready),
        )
        self._pace.measure(ready.step.run_step.queue_id, time.monotonic() - began)
        if is_measure(outcome):
            self._pace.took(ready.step.run_step.queue_id, outcome.usage.service_us)
        crash_points.passed("models/answered")
        return outcome

    async def _settle_accounts(self, in_hand: InHand, ready: Ready, outcome: Outcome) -> None:
        """Give back tokens that were granted and not used, and leave the server alone for as long as it asks."""
        used, granted = outcome.usage.tokens_in + outcome.usage.tokens_out, tokens_granted(ready)
        refunds = {(of.whose, of.name): refund_s(of.rate, granted=granted, used=used) for of in in_hand.limited}
        await accounts.refund(self._database, {key: seconds for key, seconds in refunds.items() if seconds})
        asked_s = outcome.retry_after_s if isinstance(outcome, Failure) else outcome.usage.rest_s
        if asked_s and self._rate:
            await accounts.rest(self._database, self.name, rest_s=min(asked_s, LONGEST_ASKED_S))

    async def _judge(self, in_hand: InHand, ready: Ready, outcome: Outcome) -> None:
        """Let the breakers know what an outcome says of the server and the model."""
        sign = sign_of(outcome)
        if sign is None:
            return
        if sign.failed and isinstance(outcome, Failure):
            actor = ready.step.pinned.step.actor
            after = await self._failed(sign.of, actor, outcome, grave=sign.grave)
            if sign.of is Outage.MODEL and outcome.error_class is not ErrorClass.TIMEOUT:
                # Whatever it said, the server has answered.
                server = self._breaker(Outage.SERVER, actor)
                await breakers.worked(self._database, server, runner_id=self._holder.runner_id)
            in_hand.enough = in_hand.enough or after is not Position.CLOSED
        elif self._worried:
            await self._worked(ready.step.pinned.step.actor)

    async def _failed(self, of: Outage, actor: str, failure: Failure, *, grave: bool) -> Position:
        self._worried = True
        breaker = await breakers.failed(
            self._database,
            self._breaker(of, actor),
            failure,
            grave=grave,
            runner_id=self._holder.runner_id,
            chance=random.random(),  # noqa: S311  it spreads, and nothing depends on it being hard to guess
        )
        return breaker.position

    async def _worked(self, actor: str) -> None:
        for of in Outage:
            await breakers.worked(self._database, self._breaker(of, actor), runner_id=self._holder.runner_id)
        self._worried = False

    def _breaker(self, of: Outage, actor: str) -> breakers.Of:
        return breakers.Of(kind=of, name=self.name if of is Outage.SERVER else actor)

    async def _visit_for(self, queue: waves.Queue, step: StepInHand) -> Visit | None:
        """Make the queue's model resident; None if the load failed."""
        assert step.pinned.model is not None, "a queue of a model lane holds steps of models"
        key = queue.waiting.work_key
        model = name_in(key)
        load = await self._load(step.pinned.model)
        crash_points.passed("models/loaded")
        if isinstance(load, Failure):
            await self._load_failed(model, queue.actor, load)
            return None
        self._memory.entered(key, load)
        there = (self._visit.work_key, self._visit.weights) if self._visit is not None else None
        if there != (key, load.digest) or load.loaded:
            opened = waves.Visit(
                server=self.name,
                model=model,
                digest=load.digest,
                loaded=load.loaded,
                load_us=load.load_us,
                evicted=load.evicted,
            )
            visit_id = await waves.open_visit(self._database, opened, runner_id=self._holder.runner_id)
            if load.loaded:
                tell_load(server=self.name, model=model, seconds=load.load_us / 1_000_000)
            self._visit = Visit(work_key=key, model=model, weights=load.digest, visit_id=visit_id)
            self._drained_since = None
        return self._visit

    async def _load_failed(self, model: str, actor: str, failure: Failure) -> None:
        await waves.record_load_failure(
            self._database,
            runner_id=self._holder.runner_id,
            server=self.name,
            model=model,
            error_class=str(failure.error_class),
        )
        tell_load(server=self.name, model=model, seconds=0.0, error_type=str(failure.error_class))
        await self._failed(failure.outage or Outage.MODEL, actor, failure, grave=True)
        if self._owned:  # another runner may have a server that works
            await waves.disown_server(self._database, self.name, self._holder.runner_id)

    async def _load(self, model: ModelSpec) -> Load | Failure:
        """Load a model. A server that cannot run here is a failed load too: the work waits for another runner."""
        try:
            return await self._memory.load(self._slot, model)
        except ModelServerError as error:
            message = f"{error.message}. {error.hint}"
            return Failure(error_class=ErrorClass.PERMANENT, message=message, outage=Outage.SERVER)

    async def _own(self) -> bool:
        """Take the server, or keep it. False while it is another runner's: what we still have in memory is let go."""
        me, lease_s = self._holder.runner_id, self._holder.lease_s
        self._ours = await waves.own_server(self._database, self.name, me, lease_s=lease_s)
        if not self._ours:
            await self._let_go()
        return self._ours

    async def _let_go(self) -> None:
        """What we have in memory would stand in the way of the server's owner."""
        if self._visit is not None:
            self._visit = None
            self._memory.forget()
            await self._server.close()


async def _together(tasks: Sequence[Coroutine[None, None, None]]) -> None:
    """Run coroutines side by side; the first error cancels the others and is raised as itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
