"""One step on one record, as the folder has it now: everything a runner would do, and nothing is written.

No run, no interaction, no event, no value: what its actor is given and gives is only returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from wave_runner.actors import sql
from wave_runner.actors.ai_model import answer
from wave_runner.actors.job import Job, RequestRefused, ScriptVersion
from wave_runner.actors.pool import ScriptPool
from wave_runner.core.canonical import dumps, parse_json
from wave_runner.core.contract import OutputContract
from wave_runner.core.flow import Flow
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.outcome import Done, Effect, Evidence, Failure, Outcome, Replace, Usage, Write
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.workflow import ActorKind, Project, Step, Workflow
from wave_runner.errors import ModelServerError, NotFoundError, ProjectError
from wave_runner.project.definitions import script_definition, step_definition
from wave_runner.project.manifest import script_files
from wave_runner.project.materialise import materialise
from wave_runner.project.queries import read_query
from wave_runner.project.templates import read_prompt
from wave_runner.runner.prepare import Ready, Stopped, prepare_one
from wave_runner.runner.record import move_of
from wave_runner.runner.steps import StepInHand
from wave_runner.runner.texts import Texts
from wave_runner.servers.protocol import ModelServer
from wave_runner.store import interactions, queries, records
from wave_runner.store.database import Database, DataRefused, Unavailable
from wave_runner.store.interactions import Ancestor
from wave_runner.store.queries import WaveItem
from wave_runner.store.run_flow import RunFlow, RunStep
from wave_runner.store.waves import Item

NOBODY = 0  # the id of everything that is not in the database
OpenServer = Callable[[str], AbstractAsyncContextManager[ModelServer]]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of it: `state` is what the interaction would have become, `called` whether its actor was.

    `writes` and `effects` are what would have been written, `ways` where the record would have gone.
    """

    state: str
    called: bool
    input: Mapping[str, Any] | None = None
    prompt: str = ""
    output: Any = None
    rule: str | None = None
    error_class: str | None = None
    error: str | None = None
    route: str = ""
    ways: tuple[str, ...] = ()
    writes: tuple[Write | Replace, ...] = ()
    effects: tuple[Effect, ...] = ()
    usage: Usage = field(default_factory=Usage)
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Single:
    """Does steps of a workflow one at a time, on the database and the folder that it is given."""

    database: Database
    project: Project
    workflow: Workflow
    work_dir: Path
    environment: Mapping[str, str]
    params: Mapping[str, Any]
    open_server: OpenServer

    async def do(self, name: str, key: str, *, given: Mapping[str, Any]) -> Tried:
        """Do one step on the record with this key. Raises `NotFoundError` for a step that is not there."""
        step = self.workflow.steps.get(name)
        if step is None:
            raise NotFoundError(
                f"{self.workflow.name} has no step {name}", hint=did_you_mean(name, self.workflow.steps)
            )
        if step.once:
            message = f"{name} runs once per run, without a record: it would fetch or decide for a whole run"
            raise ProjectError(message, hint="wave run does it")
        in_hand = await self._in_hand(step)
        item, line = await self._line(in_hand, key, given)
        prepared = await prepare_one(self.database, in_hand, item, line)
        if isinstance(prepared, Stopped):
            breach = prepared.breach
            return Tried(state="quarantined", called=False, rule=breach.rule, error=breach.message)
        if step.kind is ActorKind.HUMAN:
            return Tried(state="waiting", called=False, input=prepared.input)
        outcome = await self._outcome(prepared)
        return _tried(prepared, outcome)

    async def _in_hand(self, step: Step) -> StepInHand:
        pinned = {
            one.name: read_step(step_definition(self.project, self.workflow, one).body)
            for one in self.workflow.steps.values()
        }
        run_steps = {name: _run_step(number, name, one) for number, (name, one) in enumerate(pinned.items(), 1)}
        mine = pinned[step.name]
        async with self.database.transaction() as connection:
            tables = await records.look_up_tables(connection, mine.collection)
        files = self.project.files
        contract = OutputContract(files[step.output]) if step.output else None
        prompt = files[step.prompt] if step.prompt else None
        return StepInHand(
            run_step=run_steps[step.name],
            pinned=mine,
            params=self.params,
            tables=tables,
            contract=contract,
            schema=parse_json(files[step.output]) if step.output else None,
            prompt=prompt,
            own_words=read_prompt(prompt).own_words if prompt is not None else "",
            script=self._script(mine),
            query=read_query(files[step.sql]) if step.sql else None,
            run_flow=RunFlow(flow=Flow(self.workflow.steps), steps=run_steps),
            all_writes=(),
            ensures_queries={},
            selector=None,
            columns_read=(),
        )

    def _script(self, pinned: PinnedStep) -> ScriptVersion | None:
        spec = pinned.script
        if spec is None:
            return None
        sha256 = script_definition(self.project, spec.name).sha256.hex()
        root = self.work_dir / "scripts" / sha256
        materialise(script_files(self.project.files, spec), root, executable=spec.entry if spec.executable else "")
        seen = {name: self.environment[name] for name in spec.environment if name in self.environment}
        return ScriptVersion(
            name=spec.name,
            sha256=sha256,
            root=root,
            entry=spec.entry,
            executable=spec.executable,
            timeout_s=pinned.timeout_s,
            max_output_bytes=spec.max_output_bytes,
            environment={**seen, "WAVE_PROJECT_DIR": self.environment["WAVE_PROJECT_DIR"]},
        )

    async def _line(
        self, step: StepInHand, key: str, given: Mapping[str, Any]
    ) -> tuple[Item, dict[str, Sequence[Ancestor]]]:
        """Return the record as an item, and the outputs before it: those given, else of the newest run that had it."""
        collection = step.pinned.collection
        line: dict[str, Sequence[Ancestor]] = {}
        async with self.database.transaction() as connection:
            found = await records.known(connection, collection.name, key, workflow=self.workflow.name)
            record_id, run_id = found or (NOBODY, None)
            if run_id is not None:
                line |= await interactions.newest_outputs(connection, run_id, record_id)
        if not found and collection.record_column:
            hint = "wave status lists runs; a record is known once a run had it"
            raise NotFoundError(f"no record of {collection.name} has the key {key!r:.80}", hint=hint)
        unknown = given.keys() - self.workflow.steps.keys()
        if unknown:
            name = min(unknown)
            raise NotFoundError(
                f"{self.workflow.name} has no step {name}", hint=did_you_mean(name, self.workflow.steps)
            )
        line |= {
            name: [Ancestor(interaction_id=NOBODY, item=0, output=dumps(output).decode())]
            for name, output in given.items()
        }
        return _item(step, record_id, key), line

    async def _outcome(self, ready: Ready) -> Outcome:
        pinned = ready.step.pinned
        match pinned.step.kind:
            case ActorKind.AI_MODEL:
                return await self._ask(ready)
            case ActorKind.SCRIPT:
                return await self._run(ready)
            case ActorKind.SQL:
                return await self._query(ready)
            case _:
                return Done(output=dict(ready.input))

    async def _ask(self, ready: Ready) -> Outcome:
        pinned = ready.step.pinned
        assert pinned.model is not None, "a step of a model has one"
        async with self.open_server(pinned.model.server) as server:
            load = await server.ensure_loaded(pinned.model.model)
            if isinstance(load, Failure):
                message = f"model {pinned.model.model} on server {pinned.model.server}: {load.message}"
                raise ModelServerError(message, hint=f"check [servers.{pinned.model.server}] in wave.toml")
            return await answer(
                server, pinned.model, prompt=ready.prompt, schema=ready.step.schema, timeout_s=pinned.timeout_s
            )

    async def _run(self, ready: Ready) -> Outcome:
        assert ready.step.script is not None, "a step of a script has one"
        job = Job(id=NOBODY, input=ready.input, record=ready.item.key, run=ready.step.run, attempt=1)
        pool = ScriptPool(slots=1, work_dir=self.work_dir / "workers")
        try:
            [outcome] = await pool.run(ready.step.script, [job], _ReadOnly(self.database))
        finally:
            await pool.close()
        return outcome

    async def _query(self, ready: Ready) -> Outcome:
        assert ready.step.query is not None, "a step of a query has one"
        item = WaveItem(interaction_id=1, record_id=ready.item.record_id, key=ready.item.key, input=ready.text)
        try:
            async with self.database.transaction() as connection:
                timeout_s = ready.step.pinned.timeout_s
                answered = await queries.answer(connection, ready.step.query, [item], timeout_s=timeout_s)
        except (DataRefused, Unavailable) as error:
            return sql.refused(str(error), error.sqlstate, usage=Usage())
        strays = answered.get(0)
        if strays is not None:
            return sql.strays(strays.rows, usage=Usage())
        return sql.outcome(answered[1].rows, answered[1].row, usage=Usage())


class _ReadOnly:
    """What a script may ask for here: it can read the database, and stages nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def query(self, statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
        try:
            async with self._database.transaction() as connection:
                return await queries.query(connection, statement, parameters)
        except DataRefused as error:
            raise RequestRefused(f"PostgreSQL refuses the query: {error}") from error

    async def stage(self, job_id: int, rows: list[dict[str, Any]]) -> int:
        raise RequestRefused("nothing is staged by `wave step`")

    async def staged(self, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
        return []

    async def decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        raise RequestRefused("nothing is decided by `wave step`")

    async def progress(self, job_id: int, done: int, total: int | None, note: str) -> None:
        return None


def _tried(ready: Ready, outcome: Outcome) -> Tried:
    move = move_of(ready, outcome, Texts())
    done = outcome if isinstance(outcome, Done) and move.output is not None else None
    output = outcome.output if isinstance(outcome, Done) else None
    return Tried(
        # What would be tried again has not come to anything yet, and says so.
        state="retried" if str(move.state) == "pending" else str(move.state),
        called=True,
        input=ready.input,
        prompt=ready.prompt,
        output=output,
        rule=move.rule,
        error_class=move.error_class,
        error=move.error,
        route=str(move.data.get("route", "")),
        ways=tuple(move.data.get("to", ())),
        writes=done.writes if done else (),
        effects=done.effects if done else (),
        usage=outcome.usage,
        evidence=outcome.evidence,
    )


def _item(step: StepInHand, record_id: int, key: str) -> Item:
    return Item(
        run_id=NOBODY,
        interaction_id=NOBODY,
        run_step_id=step.run_step.run_step_id,
        record_id=record_id,
        key=key,
        correlation_id=UUID(int=0),
        parent_id=NOBODY,
        item=0,
        iteration=0,
        generation=0,
        attempt=0,
    )


def _run_step(number: int, name: str, pinned: PinnedStep) -> RunStep:
    return RunStep(
        run_step_id=number,
        run_id=NOBODY,
        queue_id=NOBODY,
        step=name,
        actor=pinned.step.actor,
        definition=b"",
        sha256=b"",
        params="{}",
        limit=None,
    )
