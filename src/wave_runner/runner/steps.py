"""The pinned steps a runner has met lately, with everything it needs to do them: they never change."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from wave_runner.actors.host import sandbox_of
from wave_runner.actors.job import ScriptVersion
from wave_runner.core.contract import OutputContract
from wave_runner.core.flow import Flow, Place
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.sandbox import Level
from wave_runner.core.selecting import columns_read
from wave_runner.core.workflow import CollectionSpec, ScriptSpec
from wave_runner.project.definitions import read_script
from wave_runner.project.materialise import materialise
from wave_runner.project.queries import read_query
from wave_runner.project.templates import read_prompt
from wave_runner.store import definitions, records, runs
from wave_runner.store.database import Connection, Database
from wave_runner.store.interactions import Origin
from wave_runner.store.run_flow import RunFlow
from wave_runner.store.waves import Item
from wave_runner.telemetry import Endpoint

NO_ENDPOINTS: Mapping[str, Endpoint] = {}
MOST = 512
"""Steps that are kept, of the runs that were worked on last: a runner may live through any number of runs."""


@dataclass(frozen=True, kw_only=True)
class StepInHand:
    """A step of a run with its files at hand."""

    run_step: runs.RunStep
    pinned: PinnedStep
    params: Mapping[str, Any]
    tables: records.Tables
    contract: OutputContract | None
    schema: dict[str, Any] | None
    prompt: bytes | None
    own_words: str  # of the prompt, as the guards compare them
    script: ScriptVersion | None
    query: str | None
    run_flow: RunFlow
    all_writes: tuple[str, ...]  # of every step of the run: what `ensures` may speak of
    ensures_queries: Mapping[str, str]  # text by path: of records, and of the run
    selector: str | None  # the query that the workflow selects by, where it has one
    columns_read: tuple[str, ...]  # of every step of the run: what makes a workflow that selects look again
    endpoint: Endpoint | None = None  # that a model is asked at, as far as this process knows it

    @functools.cached_property
    def origin(self) -> Origin:
        return Origin(step=self.run_step.step, actor=self.run_step.actor, definition=self.run_step.sha256)

    def place(self, item: Item) -> Place:
        """Return where an item's record is."""
        return Place(step=self.run_step.step, iteration=item.iteration, item=item.item)

    @functools.cached_property
    def run(self) -> dict[str, Any]:
        """What a step may know of its run."""
        return {"id": self.run_step.run_id, "limit": self.run_step.limit, "params": dict(self.params)}


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What steps have pinned: files by their hash, and how the tables of their collections are addressed."""

    bodies: Mapping[str, bytes]
    tables: Sequence[records.Tables]

    def query(self, sha256: str) -> str | None:
        return read_query(self.bodies[sha256]) if sha256 else None

    def tables_of(self, collection: CollectionSpec) -> records.Tables:
        return next(one for one in self.tables if one.collection == collection)


class Steps:
    """Gives steps by id. Scripts are written out from the stored bytes, never read from a project folder.

    What has not been asked for lately is forgotten, and read again if it is asked for after all.
    """

    def __init__(
        self,
        database: Database,
        *,
        folder: Path,
        work_dir: Path,
        environ: Mapping[str, str],
        sandbox: Level | None = None,
        endpoints: Mapping[str, Endpoint] = NO_ENDPOINTS,
        most: int = MOST,
    ) -> None:
        self._database = database
        self._folder = folder
        self._work_dir = work_dir
        self._environ = environ
        self._sandbox = sandbox
        self._endpoints = endpoints
        self._most = most
        self._known: OrderedDict[int, StepInHand] = OrderedDict()  # what was asked for last stands at the end
        self._flows: OrderedDict[int, RunFlow] = OrderedDict()
        self._reading = asyncio.Lock()

    async def get(self, run_step_ids: Sequence[int]) -> dict[int, StepInHand]:
        """Return the steps with these ids."""
        async with self._reading:
            missing = [run_step_id for run_step_id in set(run_step_ids) if run_step_id not in self._known]
            if missing:
                await self._read(missing)
            found = {run_step_id: self._use(run_step_id) for run_step_id in run_step_ids}
            # Here alone, under the lock: what was there when it was looked for is there when it is given.
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return found

    def at_hand(self, run_step_ids: Iterable[int]) -> dict[int, StepInHand] | None:
        """Return the steps with these ids, if all of them have been read already: nothing is asked."""
        wanted = set(run_step_ids)
        return {id: self._use(id) for id in wanted} if wanted <= self._known.keys() else None

    async def of_run(self, run_step_id: int) -> StepInHand:
        """Return one step."""
        return (await self.get([run_step_id]))[run_step_id]

    async def run_flow(self, connection: Connection, run_step_id: int) -> RunFlow:
        """Return the flow of the run that a step belongs to.

        It is asked for in the middle of a transaction, and read there: whoever waits for a second connection while
        holding one waits for those who do the same.
        """
        if run_step_id in self._known:
            return self._use(run_step_id).run_flow
        if run_step_id not in self._flows:
            for flow, _ in _flows(await runs.steps(connection, [run_step_id])):
                self._flows |= {step.run_step_id: flow for step in flow.steps.values()}
        found = self._flows[run_step_id]
        while len(self._flows) > self._most:
            self._flows.popitem(last=False)
        return found

    def _use(self, run_step_id: int) -> StepInHand:
        self._known.move_to_end(run_step_id)
        return self._known[run_step_id]

    async def _read(self, run_step_ids: Sequence[int]) -> None:
        async with self._database.transaction() as connection:
            flows = list(_flows(await runs.steps(connection, run_step_ids)))
            stored = await _stored(connection, [one for _, steps in flows for one in steps.values()])
        for flow, steps in flows:
            writes = tuple(sorted({name for one in steps.values() for name in one.step.writes}))
            for name, step in flow.steps.items():
                self._known[step.run_step_id] = await self._in_hand(step, steps[name], flow, writes, stored)

    async def _in_hand(
        self, step: runs.RunStep, pinned: PinnedStep, run_flow: RunFlow, writes: tuple[str, ...], stored: _Stored
    ) -> StepInHand:
        schema, prompt = stored.bodies.get(pinned.output_sha256), stored.bodies.get(pinned.prompt_sha256)
        ensures = {**pinned.ensures_sql, **pinned.ensures_run_sql}
        return StepInHand(
            run_step=step,
            pinned=pinned,
            params=orjson.loads(step.params),
            tables=stored.tables_of(pinned.collection),
            contract=OutputContract(schema) if schema is not None else None,
            schema=orjson.loads(schema) if schema is not None else None,
            prompt=prompt,
            own_words=read_prompt(prompt).own_words if prompt is not None else "",
            script=await self._script(pinned, stored.bodies),
            query=stored.query(pinned.sql_sha256),
            run_flow=run_flow,
            all_writes=writes,
            ensures_queries={path: read_query(stored.bodies[sha256]) for path, sha256 in ensures.items()},
            selector=stored.query(pinned.select_sha256),
            columns_read=columns_read(run_flow.flow.steps.values(), pinned.collection.table),
            endpoint=self._endpoints.get(pinned.model.server) if pinned.model is not None else None,
        )

    def _environment(self, spec: ScriptSpec) -> dict[str, str]:
        """What a script sees besides PATH and the like: the project's folder, and the variables its actor declares."""
        declared = {name: self._environ[name] for name in spec.environment if name in self._environ}
        return {**declared, "WAVE_PROJECT_DIR": str(self._folder)}

    async def _script(self, pinned: PinnedStep, bodies: Mapping[str, bytes]) -> ScriptVersion | None:
        spec = pinned.script
        if spec is None:
            return None
        manifest = read_script(bodies[pinned.script_sha256])
        files = {path: bodies[sha256] for path, sha256 in manifest.files.items()}
        root = self._work_dir / "scripts" / pinned.script_sha256
        await asyncio.to_thread(materialise, files, root, executable=spec.entry if spec.executable else "")
        return ScriptVersion(
            name=spec.name,
            sha256=pinned.script_sha256,
            root=root,
            entry=spec.entry,
            executable=spec.executable,
            timeout_s=pinned.timeout_s,
            max_output_bytes=spec.max_output_bytes,
            environment=self._environment(spec),
            sandbox=await asyncio.to_thread(sandbox_of, spec, self._sandbox, self._folder),
        )


async def _stored(connection: Connection, pinned: Sequence[PinnedStep]) -> _Stored:
    """Read all that some steps need, in as few questions as there are kinds of it."""
    bodies = await definitions.bodies(connection, {sha256 for one in pinned for sha256 in _hashes(one)})
    scripts = [read_script(bodies[one.script_sha256]) for one in pinned if one.script is not None]
    files = {sha256 for script in scripts for sha256 in script.files.values()}
    bodies |= await definitions.bodies(connection, files - bodies.keys())
    tables: list[records.Tables] = []
    for one in pinned:
        if all(known.collection != one.collection for known in tables):
            tables.append(await records.look_up_tables(connection, one.collection))
    return _Stored(bodies=bodies, tables=tables)


def _hashes(pinned: PinnedStep) -> list[str]:
    """Return the hash of each file that a step has pinned, but for those that its script consists of."""
    files = [pinned.output_sha256, pinned.prompt_sha256, pinned.sql_sha256, pinned.select_sha256, pinned.script_sha256]
    return [sha256 for sha256 in [*files, *pinned.ensures_sql.values(), *pinned.ensures_run_sql.values()] if sha256]


def _flows(found: Iterable[runs.RunStep]) -> Iterator[tuple[RunFlow, dict[str, PinnedStep]]]:
    """Yield the flow of each run, or of each rerun of one, with what its steps have pinned."""
    for _, group in itertools.groupby(sorted(found, key=_generation), key=_generation):
        steps = {step.step: step for step in group}
        pinned = {name: read_step(step.definition) for name, step in steps.items()}
        leads_on = all(step.leads_on for step in steps.values())
        yield (
            RunFlow(flow=Flow({name: one.step for name, one in pinned.items()}, leads_on=leads_on), steps=steps),
            pinned,
        )


def _generation(step: runs.RunStep) -> tuple[int, int]:
    """Return what steps that follow one another have in common: a run, or one rerun of it."""
    return step.run_id, step.generation
