"""One step on one record, as the folder has it now: everything a runner would do, and nothing is written.

No run, no interaction, no event, no value: what its actor is given and gives is only returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from wave_runner.actors import sql
from wave_runner.actors.ai_model import answer
from wave_runner.actors.job import HostLost, RequestRefused
from wave_runner.core.canonical import dumps
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.outcome import Done, Failure, Outcome, Usage
from wave_runner.core.workflow import ActorKind
from wave_runner.errors import ModelServerError, NotFoundError, ProjectError
from wave_runner.runner.prepare import Ready, Stopped, prepare_one
from wave_runner.runner.steps import StepInHand
from wave_runner.runner.unsaved import NOBODY, Bench, NothingStaged, Tried, item_of, tried_of
from wave_runner.servers.protocol import ModelServer
from wave_runner.store import interactions, queries, records
from wave_runner.store.database import Database, DataRefused, Unavailable
from wave_runner.store.interactions import Ancestor
from wave_runner.store.queries import WaveItem
from wave_runner.store.waves import Item

OpenServer = Callable[[str], AbstractAsyncContextManager[ModelServer]]


@dataclass(frozen=True, kw_only=True)
class Single:
    """Does steps of a workflow one at a time, on the database and the folder that it is given."""

    database: Database
    bench: Bench
    open_server: OpenServer

    async def do(self, name: str, key: str, *, given: Mapping[str, Any]) -> Tried:
        """Do one step on the record with this key. Raises `NotFoundError` for a step that is not there."""
        step = self.bench.workflow.steps.get(name)
        if step is None:
            raise NotFoundError(
                f"{self.bench.workflow.name} has no step {name}", hint=did_you_mean(name, self.bench.workflow.steps)
            )
        if step.once:
            message = f"{name} runs once per run, without a record: it would fetch or decide for a whole run"
            raise ProjectError(message, hint="wave run does it")
        async with self.database.transaction() as connection:
            collection = self.bench.project.collections[self.bench.workflow.collection]
            in_hand = self.bench.step(step, await records.look_up_tables(connection, collection))
        item, line = await self._line(in_hand, key, given)
        prepared = await prepare_one(self.database, in_hand, item, line)
        if isinstance(prepared, Stopped):
            breach = prepared.breach
            return Tried(state="quarantined", called=False, rule=breach.rule, error=breach.message)
        if step.kind is ActorKind.HUMAN:
            return Tried(state="waiting", called=False, input=prepared.input)
        outcome = await self._outcome(prepared)
        return tried_of(prepared, outcome)

    async def _line(
        self, step: StepInHand, key: str, given: Mapping[str, Any]
    ) -> tuple[Item, dict[str, Sequence[Ancestor]]]:
        """Return the record as an item, and the outputs before it: those given, else of the newest run that had it."""
        collection = step.pinned.collection
        line: dict[str, Sequence[Ancestor]] = {}
        async with self.database.transaction() as connection:
            found = await records.known(connection, collection.name, key, workflow=self.bench.workflow.name)
            record_id, run_id = found or (NOBODY, None)
            if run_id is not None:
                line |= await interactions.newest_outputs(connection, run_id, record_id)
        if not found and collection.record_column:
            hint = "wave status lists runs; a record is known once a run had it"
            raise NotFoundError(f"no record of {collection.name} has the key {key!r:.80}", hint=hint)
        unknown = given.keys() - self.bench.workflow.steps.keys()
        if unknown:
            name = min(unknown)
            raise NotFoundError(
                f"{self.bench.workflow.name} has no step {name}", hint=did_you_mean(name, self.bench.workflow.steps)
            )
        line |= {
            name: [Ancestor(interaction_id=NOBODY, item=0, output=dumps(output).decode())]
            for name, output in given.items()
        }
        return item_of(step, record_id, key), line

    async def _outcome(self, ready: Ready) -> Outcome:
        pinned = ready.step.pinned
        match pinned.step.kind:
            case ActorKind.AI_MODEL:
                return await self._ask(ready)
            case ActorKind.SCRIPT:
                return await self.bench.run(ready, _ReadOnly(self.database))
            case ActorKind.SQL:
                return await self._query(ready)
            case _:
                return Done(output=dict(ready.input))

    async def _ask(self, ready: Ready) -> Outcome:
        pinned = ready.step.pinned
        assert pinned.model is not None, "a step of a model has one"
        async with self.open_server(pinned.model.server) as server:
            load = await server.ensure_loaded(pinned.model.model, pinned.model.options)
            if isinstance(load, Failure):
                message = f"model {pinned.model.model} on server {pinned.model.server}: {load.message}"
                raise ModelServerError(message, hint=f"check [servers.{pinned.model.server}] in wave.toml")
            try:
                return await answer(
                    server, pinned.model, prompt=ready.prompt, schema=ready.step.schema, timeout_s=pinned.timeout_s
                )
            except HostLost as lost:
                message = f"the host of model {pinned.model.model} was lost under it: {lost}"
                raise ModelServerError(message, hint="ask again: another host is taken") from lost

    async def _query(self, ready: Ready) -> Outcome:
        assert ready.step.query is not None, "a step of a query has one"
        item = WaveItem(interaction_id=1, record_id=ready.item.record_id, key=ready.item.key, input=ready.text)
        try:
            async with self.database.querying() as connection:
                timeout_s = ready.step.pinned.timeout_s
                answered = await queries.answer(connection, ready.step.query, [item], timeout_s=timeout_s)
        except (DataRefused, Unavailable) as error:
            return sql.refused(str(error), error.sqlstate, usage=Usage())
        strays = answered.get(0)
        if strays is not None:
            return sql.strays(strays.rows, usage=Usage())
        return sql.outcome(answered[1].rows, answered[1].row, usage=Usage())


class _ReadOnly(NothingStaged):
    """What a script may ask for here: it can read the database, and stages nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def query(self, statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
        try:
            async with self._database.querying() as connection:
                return await queries.query(connection, statement, parameters)
        except DataRefused as error:
            raise RequestRefused(f"PostgreSQL refuses the query: {error}") from error
