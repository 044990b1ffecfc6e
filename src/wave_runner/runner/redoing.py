"""Results are redone with what the folder holds now: which ones, whether they are stale, and the rerun itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wave_runner.core.marks import Expect
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.workflow import Project
from wave_runner.errors import NotFoundError, ProjectError
from wave_runner.project.definitions import step_definition
from wave_runner.runner import staleness
from wave_runner.runner.new_runs import NewRuns, workflow_of
from wave_runner.runner.picking import Results
from wave_runner.runner.preflight import read_choice
from wave_runner.runner.repair import Choice, Repair, Started
from wave_runner.runner.staleness import Staleness
from wave_runner.store import runs


@dataclass(kw_only=True)
class Redoing:
    """What one person may redo, held against what a new run would take."""

    new_runs: NewRuns
    repair: Repair

    async def stale(self, workflow: str, *, run_id: int | None = None) -> Staleness:
        """Return which results of a workflow no longer match what they were made from. Changes nothing."""
        now = _steps_of(await self.new_runs.as_of_now(workflow), workflow)
        return await staleness.look(self.repair.database, self.repair.steps, workflow, now, run_id=run_id)

    def choice(
        self,
        workflow: str,
        step: str | None,
        *,
        where: str = "",
        sql: str = "",
        keys: tuple[str, ...] | None = None,
        run_id: int | None = None,
        leads_on: bool = True,
    ) -> Choice:
        """Return what is to be redone: results of a step, or without one all that are stale.

        With `leads_on` False only the step itself, and what stands behind it stays.

        Raises `NotFoundError` for an unknown step, `ProjectError` for a filter.
        """
        project = self.new_runs.watch.read()
        found = workflow_of(project, workflow)
        if step is not None and step not in found.steps:
            raise NotFoundError(f"workflow {workflow} has no step {step}", hint=did_you_mean(step, found.steps))
        if step is not None and found.steps[step].once:
            raise ProjectError(
                f"{step} is done once for a whole run, and not for a record",
                hint=f"redo it by a new run: wave run {workflow}",
            )
        return Choice(
            workflow=workflow,
            step=step,
            collection=project.collections[found.collection],
            now=_steps_of(project, workflow),
            run_id=run_id,
            terms=read_choice(where),
            sql=sql,
            keys=keys,
            leads_on=leads_on,
        )

    async def choice_of(self, results: Results) -> Choice:
        """Return the choice of exactly the results that were picked, held against what a new run would take now."""
        choice = self.choice(results.workflow, results.step, run_id=results.run_id)
        return await self.as_taken(replace(choice, ids=results.ids))

    async def as_taken(self, choice: Choice) -> Choice:
        """Return a choice that is held against what a new run would take now. Changes nothing."""
        taken = await self.new_runs.as_of_now(choice.workflow)
        return replace(choice, now=_steps_of(taken, choice.workflow), pinned=_digest_of(taken, choice.workflow))

    async def rerun(self, choice: Choice, *, reason: str, expect: Expect = None) -> Started:
        """Redo results with everything pinned anew. Raises as `NewRuns.start` does, and as `Repair.rerun`."""
        taken = await self.new_runs.taken(choice.workflow)

        def pins(recorded: Mapping[str, Any]) -> runs.NewRun:
            return self.new_runs.like(taken, recorded)

        return await self.repair.rerun(await self.as_taken(choice), pins, reason=reason, expect=expect)


def _steps_of(project: Project, workflow: str) -> dict[str, PinnedStep]:
    """Return each step of a workflow as a run would pin it."""
    found = project.workflows[workflow]
    return {name: read_step(step_definition(project, found, step).body) for name, step in found.steps.items()}


def _digest_of(project: Project, workflow: str) -> str:
    """Return a digest of all that a run of a workflow would pin."""
    found = project.workflows[workflow]
    pinned = [step_definition(project, found, step).sha256 for step in found.steps.values()]
    return hashlib.sha256(b"".join(pinned)).hexdigest()
