"""Experiments: start a trial, a repeat, an eval or a shadow, and adopt what has shown to be better.

What is started here is done by any runner. The folder is taken as it is, with the changes that are asked for; what of
it has drifted and may not begin has to be approved first.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from wave_runner.core.canonical import JsonError, dumps
from wave_runner.core.drift import Drift
from wave_runner.core.experiment import KINDS, RunKind, alone, in_order, missing
from wave_runner.core.gold import GoldCase, GoldSet
from wave_runner.core.params import carried_over
from wave_runner.core.pinned import read_step, write_step
from wave_runner.core.workflow import Definition, DefinitionKind, Project, Step
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.project.definitions import (
    actor_definition,
    actor_names,
    definitions,
    step_definition,
    workflow_definition,
)
from wave_runner.project.gold_file import find_gold, read_gold
from wave_runner.project.load import load_project, read_project
from wave_runner.project.versions import Version, with_changes, write_files
from wave_runner.runner.approvals import Approvals, drift_conflict
from wave_runner.runner.nonces import new_nonce
from wave_runner.runner.pinning import new_step
from wave_runner.runner.repair import Choice, Repair
from wave_runner.store import definitions as stored
from wave_runner.store import experiments, reruns, runs, shadows
from wave_runner.store.database import Connection, Database
from wave_runner.store.experiments import Experiment, Input, NewExperiment, Recorded, Source

# Hours that whatever else waits may have come later and still goes first: six weeks.
SHADOW_PRIORITY = -1000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which results of a step are to be done once more: `size` of those that are chosen, drawn by `seed`."""

    choice: Choice
    size: int
    seed: str
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a shadow is to be given: the results of a run, at most `most`, of a share of its records drawn by `seed`.

    Without a run it is the newest of the workflow that has not ended.
    """

    run_id: int | None
    share: float
    most: int
    seed: str


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """What adopting does: the files that are written, the steps and actors that are another version then."""

    experiment: Experiment
    files: tuple[str, ...]
    steps: tuple[str, ...]
    actors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Experimenting:
    """Experiments of one person. `drift` is what of the folder is not as it was approved."""

    database: Database
    repair: Repair
    approvals: Approvals
    folder: Path
    by: str

    def version(self, step: str, workflow: str | None, changes: Mapping[str, str]) -> Version:
        """Return a step as the folder has it now, with these changes; raises as `with_changes` does."""
        return with_changes(self.folder, load_project(self.folder), workflow, step, changes)

    def gold(self, version: Version, path: str | None) -> GoldSet:
        """Return the gold set of a step: the one that is named, or the only one there is.

        Raises `NotFoundError` where there is none or there are several, `ProjectError` for what is wrong with a file.
        """
        paths = [path] if path is not None else find_gold(self.folder)
        found = [read_gold(self.folder, version.project, one) for one in paths]
        mine = [one for one in found if (one.workflow, one.step) == (version.workflow, version.step)]
        if len(mine) == 1:
            return mine[0]
        if mine:
            named = ", ".join(one.path for one in mine)
            raise NotFoundError(f"{version.step} has several gold sets: {named}", hint="--gold FILE names one")
        if found and path is not None:
            raise NotFoundError(f"{path} is about {found[0].workflow}.{found[0].step}, and not about {version.step}")
        raise NotFoundError(f"{version.step} has no gold set", hint="write one: docs/reference/experiments.md says how")

    async def sampled(self, kind: RunKind, version: Version, asked: Asked, drift: Drift) -> int:
        """Start a trial or a repeat on a sample of the results in force. Returns the number of its run.

        Raises `NotFoundError` where no result is chosen whose input is recorded.
        """
        step = self._step(version, drift)
        async with self.database.transaction() as connection:
            results = await self._sample(connection, asked)
            if not results:
                raise NotFoundError(
                    f"{step.name} of {version.workflow} has no result in force whose input is recorded",
                    hint="widen what chooses the records, or run the workflow first",
                )
            inputs = [
                Input(
                    record_id=one.record_id, text=one.input, nonce=new_nonce(), source=(one.run_id, one.interaction_id)
                )
                for one in results
                for _ in range(asked.times)
            ]
            new = NewExperiment(
                step=step.name,
                asked=asked.size,
                times=asked.times,
                seed=asked.seed,
                inputs=inputs,
                changes=version.changes,
            )
            _check_inputs(step, [one.text for one in inputs])
            newest = max(one.run_id for one in results)
            return await self._start(connection, kind, version, step, new, newest)

    async def judged(self, version: Version, gold: GoldSet, choice: Choice, drift: Drift) -> int:
        """Start an eval on a gold set. Returns the number of its run.

        Raises `NotFoundError` where a record of the set has no result in force whose input is recorded.
        """
        step = self._step(version, drift)
        keys = tuple(case.record for case in gold.cases if case.record is not None)
        async with self.database.transaction() as connection:
            by_key: dict[str, Recorded] = {}
            if keys:
                chosen = await self.repair.chosen(connection, replace(choice, keys=keys))
                places = [(one.run_id, one.interaction_id) for one in chosen]
                there = await experiments.recorded(connection, places, size=max(1, len(places)))
                by_key = {one.key: one for one in reversed(there)}
            lacking = [key for key in keys if key not in by_key]
            if lacking:
                raise NotFoundError(
                    f"{gold.path}: {len(lacking)} records have no result of {gold.step} whose input is recorded: "
                    f"{', '.join(lacking[:5])}",
                    hint="run the workflow on them first, or give the cases an `input` instead of a `record`",
                )
            inputs = [_gold_input(case, by_key, gold) for case in gold.cases]
            new = NewExperiment(
                step=gold.step, asked=len(inputs), inputs=inputs, changes=version.changes, gold=gold.path
            )
            _check_inputs(step, [one.text for one in inputs])
            newest = max((one.run_id for one in by_key.values()), default=None)
            return await self._start(connection, RunKind.EVAL, version, step, new, newest)

    async def shadow(self, version: Version, beside: Beside, drift: Drift) -> int:
        """Start a shadow of a run that goes on, without waiting for anything of it. Returns the number of its run.

        Raises `NotFoundError` where there is no such run, or the run no such step, `ConflictError` where it has ended.
        """
        step = self._step(version, drift)
        run_id = await self._beside(version, beside.run_id)
        async with self.database.transaction() as connection:
            pinned = (await reruns.steps_of(connection, run_id, 0)).get(version.step)
            if pinned is None:
                raise NotFoundError(f"run {run_id} has no step {version.step}", hint=f"wave status --run {run_id}")
            _check_given(step, pinned.step.input)
            looked_to = await shadows.begins_at(connection, run_id)
            new = NewExperiment(
                step=version.step,
                asked=beside.most,
                seed=beside.seed,
                inputs=(),
                changes=version.changes,
                source=Source(run_id=run_id, share=beside.share, looked_to=looked_to),
            )
            return await self._start(connection, RunKind.SHADOW, version, step, new, run_id)

    async def _beside(self, version: Version, named: int | None) -> int:
        """Return the run that a shadow is to be beside."""
        workflow = version.workflow
        run_id = named if named is not None else await runs.newest_unfinished(self.database, workflow)
        if run_id is None:
            tried = f"what runs have done is tried by: wave trial {version.step}"
            raise NotFoundError(f"no run of {workflow} goes on", hint=f"start one: wave run {workflow}; {tried}")
        async with self.database.snapshot() as connection:
            source = await shadows.source(connection, run_id)
        if source is None or source.kind is not RunKind.RUN:
            raise NotFoundError(f"there is no run {run_id}", hint="wave report runs lists them")
        if source.workflow != workflow:
            raise ConflictError(
                f"run {run_id} is of {source.workflow}, and not of {workflow}", hint="--run names another"
            )
        if not source.goes_on:
            raise ConflictError(
                f"run {run_id} has ended, and gives no results any more",
                hint=f"what it has done is tried by: wave trial {version.step} --run {run_id}",
            )
        return run_id

    async def known(self, kind: RunKind, run_id: int | None = None) -> list[Experiment]:
        """Return the experiments of a kind, the newest first. Raises `NotFoundError` for a number that is none."""
        async with self.database.snapshot() as connection:
            found = await experiments.known(connection, kind, run_id)
            if run_id is not None and not found:
                others = await experiments.known(connection, kind)
                hint = f"the newest is {others[0].run_id}: wave {kind} list" if others else f"there was no {kind} yet"
                raise NotFoundError(f"there is no {kind} {run_id}", hint=hint)
        return found

    async def adoption(self, kind: RunKind, run_id: int) -> Adoption:
        """Return what adopting a trial or a shadow would do; changes nothing.

        Raises `ConflictError` where it cannot be adopted.
        """
        [trial] = await self.known(kind, run_id)
        if trial.adopted_at is not None:
            raise ConflictError(f"{kind} {run_id} was adopted already, by {trial.adopted_by}", hint="wave stale")
        if trial.unfinished or trial.state != "completed":
            raise ConflictError(
                f"{kind} {run_id} is {trial.state}, and only a whole one is adopted",
                hint=f"wave {kind} resume {run_id}",
            )
        if not trial.interactions:
            raise ConflictError(
                f"{kind} {run_id} was given nothing, so it has tried nothing",
                hint=f"start another one: wave {kind} {trial.step}",
            )
        if not trial.changes["files"]:
            raise ConflictError(
                f"{kind} {run_id} has tried what the folder had, so there is nothing to adopt",
                hint="a drifted actor is approved by: wave actors approve NAME",
            )
        # As it was, whatever of it has been written already: whoever was killed in between goes on.
        before = read_project(self.folder, await self._bodies(trial, "before")).whole()
        after = read_project(self.folder, await self._bodies(trial, "after")).whole()
        return Adoption(
            experiment=trial,
            files=tuple(sorted(trial.changes["files"])),
            steps=tuple(name for name, sha256 in _steps(after).items() if _steps(before).get(name) != sha256),
            actors=tuple(name for name, sha256 in _actors(after).items() if _actors(before).get(name) != sha256),
        )

    async def adopt(self, kind: RunKind, run_id: int, *, reason: str) -> Adoption:
        """Write what was tried into the folder, and approve it. What that makes stale is redone by a rerun.

        Killed in between, the same once more finishes it.
        """
        adoption = await self.adoption(kind, run_id)
        trial = adoption.experiment
        write_files(self.folder, await self._bodies(trial, "after"), trial.changes["files"])
        project = load_project(self.folder)
        for name in adoption.actors:
            await self.approvals.approve(project, name)
        if project.workflows[trial.workflow].path in adoption.files:
            await self.approvals.approve_workflow(project, trial.workflow)
        async with self.database.transaction() as connection:
            await experiments.adopt(connection, run_id, by=self.by, reason=reason, nonce=os.urandom(32))
        return adoption

    async def _bodies(self, trial: Experiment, which: str) -> dict[str, bytes]:
        """Return the files that a trial has changed, as they were `before` or `after` it."""
        files = {path: hashes[which] for path, hashes in trial.changes["files"].items()}
        async with self.database.snapshot() as connection:
            found = await stored.bodies(connection, files.values())
        return {path: found[sha256] for path, sha256 in files.items()}

    def _step(self, version: Version, drift: Drift) -> Step:
        step, workflow = version.step, version.workflow
        found = version.project.workflows[workflow].steps[step]
        if found.kind not in KINDS:
            raise ProjectError(
                f"{step} is done by {found.kind}, and only steps of models and scripts are done once more"
            )
        if found.once:
            raise ProjectError(f"{step} is done once for a whole run, and not for a record")
        if refused := drift.refused(workflow, {found.actor}):
            raise drift_conflict(refused)
        return found

    async def _sample(self, connection: Connection, asked: Asked) -> list[Recorded]:
        by_key: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for one in await self.repair.chosen(connection, asked.choice):
            by_key[one.key].append((one.run_id, one.interaction_id))
        places = [place for key in in_order(by_key, asked.seed) for place in by_key[key]]
        return await experiments.recorded(connection, places, size=asked.size)

    async def _start(
        self,
        connection: Connection,
        kind: RunKind,
        version: Version,
        step: Step,
        new: NewExperiment,
        like: int | None,
    ) -> int:
        """Pin the step by itself; parameters are those of the run `like` which it is."""
        project, found = version.project, version.project.workflows[version.workflow]
        await stored.put(connection, definitions(project))
        params: Mapping[str, Any] = await reruns.params_of(connection, like) if like is not None else {}
        pinned = new_step(project, found, step)
        body = write_step(alone(read_step(pinned.definition.body)))
        definition = Definition(kind=DefinitionKind.STEP, name=pinned.definition.name, body=body)
        run = runs.NewRun(
            workflow=found.name,
            definition=workflow_definition(project, found),
            steps=[replace(pinned, definition=definition)],
            params=carried_over(found, params),
            limit=None,
            priority=SHADOW_PRIORITY if kind is RunKind.SHADOW else 0,
            started_by=self.by,
            currency=project.currency,
            asks_anew=True,
            kind=kind,
        )
        return await experiments.create(connection, run, new)


def _steps(project: Project) -> dict[str, bytes]:
    """Return the hash of each step as a run would pin it."""
    return {
        f"{workflow.name}.{name}": step_definition(project, workflow, step).sha256
        for workflow in project.workflows.values()
        for name, step in workflow.steps.items()
    }


def _actors(project: Project) -> dict[str, bytes]:
    return {name: actor_definition(project, name).sha256 for name in actor_names(project)}


def _gold_input(case: GoldCase, by_key: Mapping[str, Recorded], gold: GoldSet) -> Input:
    try:
        expected = dumps({"expected": dict(case.expected), "tolerance": dict(case.tolerance)}).decode()
        text = dumps(dict(case.input)).decode() if case.input is not None else ""
    except JsonError as error:
        raise ProjectError(f"the case {error}", path=Path(gold.path), line=case.line) from error
    if case.record is None:
        return Input(record_id=None, text=text, nonce=new_nonce(), expected=expected)
    one = by_key[case.record]
    source = (one.run_id, one.interaction_id)
    return Input(record_id=one.record_id, text=one.input, nonce=new_nonce(), source=source, expected=expected)


def _check_inputs(step: Step, texts: Sequence[str]) -> None:
    """Raise `ProjectError` where a version asks for what was not recorded: it can be tried on nothing."""
    for text in texts:
        _check_given(step, orjson.loads(text))


def _check_given(step: Step, given: Mapping[str, object]) -> None:
    if lacking := missing(step, given):
        raise ProjectError(
            f"{step.name} takes the input {lacking[0]}, which is not among what was recorded",
            hint="a version that takes other inputs cannot be tried on recorded ones",
        )
