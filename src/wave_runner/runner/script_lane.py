"""The lane of scripts: claim a wave, hand it to warm workers, record what came back."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wave_runner import crash_points
from wave_runner.actors.job import HostLost, Job, Pool, RequestRefused
from wave_runner.core.outcome import ErrorClass, Failure, Outcome
from wave_runner.core.patience import is_measure
from wave_runner.core.raw import too_large
from wave_runner.core.workflow import UPDATE, CollectionSpec
from wave_runner.runner.lane import Lane
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import record
from wave_runner.runner.telling import parent_of
from wave_runner.store import interactions, queries, staging, waves
from wave_runner.store.database import Database, DataRefused
from wave_runner.store.refetching import Refetch

log = logging.getLogger("wave_runner.runner")


@dataclass(kw_only=True, eq=False)
class ScriptLane(Lane):
    """One lane; a runner has as many as script slots."""

    name = "scripts"
    first_wave = 50
    largest_wave = 1000

    pool: Pool

    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        try:
            outcomes = await self._hand_over(wave, ready)
        except HostLost as lost:
            return await self._lose(wave, ready, lost)
        if len(ready) > 1 and all(_took_all_down(outcome) for outcome in outcomes):
            return await self._suspect(wave, ready)
        return await record(self.database, wave, list(zip(ready, outcomes, strict=True)), self.texts, relay=self.relay)

    async def _hand_over(self, wave: waves.Wave, ready: Sequence[Ready]) -> list[Outcome]:
        """Run one wave's items. All of a wave share one script version: that is what the queue's work key says."""
        script = ready[0].step.script
        assert script is not None, "a queue of the script lane holds steps of scripts"
        requests = Requests(self.database, wave, ready)
        jobs = [_job(wave, one, None if one.item.record_id else await self._position(one)) for one in ready]
        began = time.monotonic()
        outcomes = await self.pool.run(replace(script, timeout_s=self.limit_s), jobs, requests)
        crash_points.passed("scripts/returned")
        self.pace.measure(wave.queue_id, (time.monotonic() - began) / len(ready))
        self.weights.got(wave.queue_id, [outcome.usage.result_bytes for outcome in outcomes])
        for outcome in filter(is_measure, outcomes):
            self.pace.took(wave.queue_id, outcome.usage.service_us)
        return outcomes

    async def _suspect(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        """Give back a whole wave that one item took down: claimed again in halves, the culprit is found alone."""
        message = "wave %s: a script died with %s items in hand; they are tried in halves"
        log.warning(message, wave.wave_id, len(ready), extra={"wave_id": wave.wave_id})
        async with self.database.transaction() as connection:
            return await interactions.suspect(connection, wave, begun=len(ready))

    async def _lose(self, wave: waves.Wave, ready: Sequence[Ready], lost: HostLost) -> int:
        """Give back a wave that went down with its host, as if its lease had run out. Nothing of it is done."""
        message = "wave %s: the host that worked on it was lost with %s items in hand, which go back (%s)"
        log.warning(message, wave.wave_id, len(ready), lost, extra={"wave_id": wave.wave_id})
        async with self.database.transaction() as connection:
            await interactions.lose(connection, wave, runner_id=self.holder.runner_id, run_flow=self.steps.run_flow)
        return 0

    async def _position(self, ready: Ready) -> Any:
        """Return where a step that is done once for the run goes on with what it stages."""
        async with self.database.transaction() as connection:
            found = await staging.position(connection, ready.item)
        return found.position if found else None


def _job(wave: waves.Wave, ready: Ready, position: Any) -> Job:
    return Job(
        id=ready.item.interaction_id,
        input=ready.input,
        record=ready.item.key,
        run=ready.step.run,
        attempt=ready.attempt,
        position=position,
        max_raw_bytes=ready.step.tables.collection.max_raw_bytes,
        traceparent=parent_of(wave, ready),
    )


def _refetch(ready: Ready) -> Refetch | None:
    """Return what a record that comes again is held against; None where its collection keeps the first one."""
    collection = ready.step.tables.collection
    if collection.known != UPDATE:
        return None
    own = f"{collection.table}."
    return Refetch(
        run_id=ready.item.run_id,
        interaction_id=ready.item.interaction_id,
        attempt=ready.attempt,
        reads=ready.step.columns_read,
        writes={target.removeprefix(own) for target in ready.step.all_writes if target.startswith(own)},
    )


def _judged(row: dict[str, Any], collection: CollectionSpec) -> dict[str, Any]:
    """Return a row to be staged: rejected already, if its worker has found it too large."""
    size = row.pop("bytes", None)
    if size is None:
        return row
    where = {"collection": collection.name, "source": row["source"], "position": row["position"]}
    return {**row, "errors": [too_large(size=int(size), allowed=collection.max_raw_bytes, **where)]}


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
            async with self._database.querying() as connection:
                return await queries.query(connection, statement, parameters)
        except DataRefused as error:
            raise RequestRefused(f"PostgreSQL refuses the query: {error}") from error

    async def stage(self, job_id: int, rows: list[dict[str, Any]]) -> int:
        ready = self._real(job_id)
        collection = ready.step.tables.collection
        given = [_judged(row, collection) for row in rows]
        try:
            async with self._database.transaction() as connection:
                return await staging.add(connection, self._wave, ready.item, collection.name, given)
        except DataRefused as error:
            raise RequestRefused(f"PostgreSQL cannot hold these rows: {error}") from error

    async def complete(self, job_id: int) -> None:
        async with self._database.transaction() as connection:
            await staging.complete(connection, self._wave, self._ready[job_id].item)

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
        rejection = {"id": decision["id"], "errors": [refused]}
        if "key" in decision:
            # Whatever is wrong with the row, its source has it. Or it is the key that is wrong.
            with contextlib.suppress(DataRefused):
                return await self._decide(job_id, [{**rejection, "key": decision["key"]}])
        try:
            return await self._decide(job_id, [rejection])
        except DataRefused as error:  # not even the row it speaks of can be found
            raise RequestRefused(str(error)) from error

    def _real(self, job_id: int) -> Ready:
        """Return an item that may change what is staged; raises for one of an experiment."""
        ready = self._ready[job_id]
        if kind := ready.step.run_step.is_experiment and ready.step.run_step.kind:
            raise RequestRefused(f"nothing is staged in a {kind}: it is done beside the real work")
        return ready

    async def progress(self, job_id: int, done: int, total: int | None, note: str) -> None:
        of = f" of {total}" if total is not None else ""
        ready, step = self._ready[job_id].item, self._ready[job_id].step.run_step.step
        ids = {
            "run_id": ready.run_id,
            "wave_id": self._wave.wave_id,
            "record_id": ready.record_id,
            "interaction_id": ready.interaction_id,
            "step": step,
        }
        log.info("%s: %s%s %s", step, done, of, note, extra=ids)

    async def _decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        ready = self._real(job_id)
        async with self._database.transaction() as connection:
            return await staging.decide(
                connection, self._wave, ready.item, ready.step.tables, decisions, refetch=_refetch(ready)
            )
