"""The lane of scripts: claim a wave, hand it to warm workers, record what came back."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from wave_runner.actors.job import Job, RequestRefused
from wave_runner.actors.pool import ScriptPool
from wave_runner.core.outcome import Done, ErrorClass, Failure, Outcome
from wave_runner.core.wave import choose_script, wave_size
from wave_runner.errors import WaveError
from wave_runner.runner.hold import Holder
from wave_runner.runner.pace import Pace
from wave_runner.runner.prepare import Ready, prepare
from wave_runner.runner.record import quarantine, record
from wave_runner.runner.steps import Steps
from wave_runner.store import interactions, records, staging, waves
from wave_runner.store.database import Database, DataRefused

log = logging.getLogger("wave_runner.runner")

LANE = "scripts"
FIRST_WAVE = 50  # before a script's time has been measured
LARGEST_WAVE = 1000
LEASES_PER_WAVE = 0.3  # a wave is done well within its lease, so that a lost runner costs little


class ScriptLane:
    """One lane; a runner has as many as script slots."""

    def __init__(
        self,
        *,
        database: Database,
        holder: Holder,
        steps: Steps,
        pool: ScriptPool,
        before_wave: Callable[[], Awaitable[WaveError | None]],
        after_wave: Callable[[], None],
    ) -> None:
        self._database = database
        self._holder = holder
        self._steps = steps
        self._pool = pool
        self._before_wave = before_wave
        self._after_wave = after_wave
        self._pace = Pace()
        self.trouble: WaveError | None = None
        self.blocked_by: list[str] = []  # actors that have work and have drifted

    async def one_pass(self) -> bool:
        """Do one wave. False if there was nothing to do."""
        self.trouble = await self._before_wave()
        if self.trouble is not None:
            return False
        queues = await waves.waiting(self._database, [LANE])
        self.blocked_by = sorted({queue.actor for queue in queues if queue.drifted})
        choice = choose_script([queue.waiting for queue in queues if not queue.drifted])
        if choice is None:
            return False
        queue = next(queue for queue in queues if queue.waiting.queue_id == choice.queue.queue_id)
        # Read before the claim: whatever fails from there on would leave the wave to its lease.
        in_hand = await self._steps.of_run(queue.run_step_id)
        size = self._size(choice.queue.queue_id)
        wave = await self._holder.claim(choice.queue.queue_id, size=size, reason=choice.reason)
        if wave is None:
            return False
        deadline_s = in_hand.pinned.timeout_s * len(wave.items) + self._holder.lease_s
        await self._holder.work(wave, self._do, deadline_s=deadline_s)
        self._after_wave()
        return True

    async def _do(self, wave: waves.Wave) -> int:
        prepared = await prepare(self._database, self._steps, wave.items)
        done = await quarantine(self._database, wave, prepared.stopped)
        if not prepared.ready:
            return done
        async with self._database.transaction() as connection:
            started = await interactions.start(connection, wave, [ready.start() for ready in prepared.ready])
        ready = [one for one in prepared.ready if one.item.interaction_id in started]
        outcomes = await self._hand_over(wave, ready)
        if len(ready) > 1 and all(_took_all_down(outcome) for outcome in outcomes):
            return done + await self._suspect(wave, ready)
        return done + await record(self._database, wave, list(zip(ready, outcomes, strict=True)))

    async def _hand_over(self, wave: waves.Wave, ready: Sequence[Ready]) -> list[Outcome]:
        """Run one wave's items. All of a wave share one script version: that is what the queue's work key says."""
        if not ready:
            return []
        script = ready[0].step.script
        if script is None:
            return [Done(output=dict(one.input)) for one in ready]  # a step without an actor: it only routes
        requests = Requests(self._database, wave, ready)
        jobs = [await self._job(one) for one in ready]
        began = time.monotonic()
        outcomes = await self._pool.run(script, jobs, requests)
        self._pace.measure(wave.queue_id, (time.monotonic() - began) / len(ready))
        return outcomes

    async def _suspect(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        """Give back a whole wave that one item took down: claimed again in halves, the culprit is found alone."""
        log.warning("wave %s: a script died with %s items in hand; they are tried in halves", wave.wave_id, len(ready))
        async with self._database.transaction() as connection:
            return await interactions.suspect(connection, wave, begun=len(ready))

    async def _job(self, ready: Ready) -> Job:
        position = None
        if ready.item.record_id is None:
            async with self._database.transaction() as connection:
                position = await staging.position(connection, ready.item)
        return Job(
            id=ready.item.interaction_id,
            input=ready.input,
            record=ready.item.key,
            run=ready.step.run,
            attempt=ready.attempt,
            position=position.position if position else None,
        )

    def _size(self, queue_id: int) -> int:
        measured = self._pace.of(queue_id)
        if measured is None:
            return FIRST_WAVE
        return wave_size(
            service_s=measured, lease_s=self._holder.lease_s * LEASES_PER_WAVE, concurrency=1, largest=LARGEST_WAVE
        )


def _took_all_down(outcome: Outcome) -> bool:
    """Say whether an item went down with its worker: of several at once only one can be the culprit."""
    return isinstance(outcome, Failure) and outcome.error_class in {ErrorClass.CRASHED, ErrorClass.TIMEOUT}


class Requests:
    """Answers what the scripts of one wave ask for while they run. Scripts hold no connection of their own."""

    def __init__(self, database: Database, wave: waves.Wave, ready: Sequence[Ready]) -> None:
        self._database = database
        self._wave = wave
        self._ready = {one.item.interaction_id: one for one in ready}

    async def query(self, statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
        try:
            async with self._database.transaction() as connection:
                return await records.query(connection, statement, parameters)
        except DataRefused as error:
            raise RequestRefused(f"PostgreSQL refuses the query: {error}") from error

    async def stage(self, job_id: int, rows: list[dict[str, Any]]) -> int:
        ready = self._ready[job_id]
        collection = ready.step.tables.collection.name
        try:
            async with self._database.transaction() as connection:
                return await staging.add(connection, self._wave, ready.item, collection, rows)
        except DataRefused as error:
            raise RequestRefused(f"PostgreSQL cannot hold these rows: {error}") from error

    async def staged(self, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
        async with self._database.transaction() as connection:
            return await staging.waiting(connection, self._ready[job_id].item.run_id, after=after, limit=limit)

    async def decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        """Decide on a chunk; rows that the table cannot take are found by halving and rejected with its reason."""
        try:
            return await self._decide(job_id, decisions)
        except DataRefused as error:
            if len(decisions) == 1:
                refused = {"rule": "not_storable", "field": "", "message": str(error)}
                return await self._reject(job_id, decisions[0], refused)
        middle = len(decisions) // 2
        first, second = await self.decide(job_id, decisions[:middle]), await self.decide(job_id, decisions[middle:])
        return {name: first[name] + second[name] for name in first}

    async def _reject(self, job_id: int, decision: dict[str, Any], refused: dict[str, str]) -> dict[str, Any]:
        try:
            return await self._decide(job_id, [{"id": decision["id"], "errors": [refused]}])
        except DataRefused as error:  # not even the row it speaks of can be found
            raise RequestRefused(str(error)) from error

    async def progress(self, job_id: int, done: int, total: int | None, note: str) -> None:
        of = f" of {total}" if total is not None else ""
        log.info("%s: %s%s %s", self._ready[job_id].step.run_step.step, done, of, note)

    async def _decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        ready = self._ready[job_id]
        async with self._database.transaction() as connection:
            return await staging.decide(connection, self._wave, ready.item, ready.step.tables, decisions)
