"""What a step is and gives where nothing is saved: taken from the folder as it is, without a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from wave_runner.actors.host import sandbox_of
from wave_runner.actors.job import Job, RequestRefused, Requests, ScriptVersion
from wave_runner.actors.pool import ScriptPool
from wave_runner.core.canonical import parse_json
from wave_runner.core.contract import OutputContract
from wave_runner.core.flow import Flow
from wave_runner.core.outcome import Done, Effect, Evidence, Outcome, Replace, Usage, Write
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.sandbox import Level
from wave_runner.core.workflow import Project, Step, Workflow
from wave_runner.project.definitions import script_definition, step_definition
from wave_runner.project.manifest import script_files
from wave_runner.project.materialise import materialise
from wave_runner.project.queries import read_query
from wave_runner.project.templates import read_prompt
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import move_of
from wave_runner.runner.steps import StepInHand
from wave_runner.runner.texts import Texts
from wave_runner.store.records import Tables
from wave_runner.store.run_flow import RunFlow, RunStep
from wave_runner.store.waves import Item

NOBODY = 0  # the id of everything that is not in the database


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
class Bench:
    """A workflow of a folder and the place where its scripts run: what steps are taken from."""

    project: Project
    workflow: Workflow
    work_dir: Path
    environment: Mapping[str, str] = field(repr=False)
    sandbox: Level | None  # of scripts that ask for none
    params: Mapping[str, Any]

    def step(self, step: Step, tables: Tables) -> StepInHand:
        """Return a step with its files at hand."""
        pinned = {
            one.name: read_step(step_definition(self.project, self.workflow, one).body)
            for one in self.workflow.steps.values()
        }
        run_steps = {name: _run_step(number, name, one) for number, (name, one) in enumerate(pinned.items(), 1)}
        files = self.project.files
        prompt = files[step.prompt] if step.prompt else None
        return StepInHand(
            run_step=run_steps[step.name],
            pinned=pinned[step.name],
            params=self.params,
            tables=tables,
            contract=OutputContract(files[step.output]) if step.output else None,
            schema=parse_json(files[step.output]) if step.output else None,
            prompt=prompt,
            own_words=read_prompt(prompt).own_words if prompt is not None else "",
            script=self._script(pinned[step.name]),
            query=read_query(files[step.sql]) if step.sql else None,
            run_flow=RunFlow(flow=Flow(self.workflow.steps), steps=run_steps),
            all_writes=(),
            ensures_queries={},
            selector=None,
            columns_read=(),
        )

    async def run(self, ready: Ready, requests: Requests) -> Outcome:
        """Run a script on one item, in a worker process of its own."""
        assert ready.step.script is not None, "a step of a script has one"
        job = Job(id=NOBODY, input=ready.input, record=ready.item.key, run=ready.step.run, attempt=1)
        pool = ScriptPool(slots=1, work_dir=self.work_dir / "workers")
        try:
            [outcome] = await pool.run(ready.step.script, [job], requests)
        finally:
            await pool.close()
        return outcome

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
            sandbox=sandbox_of(spec, self.sandbox, Path(self.environment["WAVE_PROJECT_DIR"])),
        )


class NothingStaged:
    """What a script may ask for where nothing is saved: it can say how far it is."""

    async def stage(self, job_id: int, rows: list[dict[str, Any]]) -> int:
        raise RequestRefused("nothing is staged here: only a run stages")

    async def complete(self, job_id: int) -> None:
        raise RequestRefused("nothing is staged here: only a run stages")

    async def staged(self, job_id: int, after: int, limit: int) -> list[dict[str, Any]]:
        return []

    async def decide(self, job_id: int, decisions: list[dict[str, Any]]) -> dict[str, Any]:
        raise RequestRefused("nothing is decided here: only a run promotes and rejects")

    async def progress(self, job_id: int, done: int, total: int | None, note: str) -> None:
        return None


def tried_of(ready: Ready, outcome: Outcome) -> Tried:
    """Return what an outcome would have come to."""
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


def item_of(step: StepInHand, record_id: int, key: str) -> Item:
    """Return a record as an item of no wave."""
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
        generation=0,
        queue_id=NOBODY,
        step=name,
        actor=pinned.step.actor,
        definition=b"",
        sha256=b"",
        params="{}",
        limit=None,
    )
