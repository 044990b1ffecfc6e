"""A run is made of what the folder holds now: checked, approved, planned by the database, and pinned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wave_runner.core.columns import targets
from wave_runner.core.drift import Drift
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.params import carried_over, resolve_params
from wave_runner.core.workflow import Project, ScheduleSpec, Workflow
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.project.definitions import definitions, workflow_definition
from wave_runner.project.drift import FolderWatch
from wave_runner.project.mistakes import Mistake
from wave_runner.runner.approvals import Approvals
from wave_runner.runner.pinning import new_step
from wave_runner.runner.preflight import preflight, read_where
from wave_runner.runner.scheduler import Blocked, Plan
from wave_runner.store import definitions as stored
from wave_runner.store import runs
from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a run of a workflow takes of a project, and what it is overruled in: objections that were forced."""

    project: Project
    workflow: Workflow
    overruled: list[str]


@dataclass(kw_only=True)
class NewRuns:
    """What makes runs of one folder's workflows, for one person. `sync` compares the folder, and stores what is new."""

    database: Database
    folder: Path
    watch: FolderWatch
    approvals: Approvals
    sync: Callable[[Project], Awaitable[Drift]]
    by: str

    async def start(
        self,
        workflow: str,
        params: Mapping[str, str],
        *,
        limit: int | None = None,
        where: str = "",
        priority: int = 0,
        force: bool = False,
        asks_anew: bool = False,
        canary: int | None = None,
        takes_again: bool = False,
    ) -> int:
        """Start a run with everything pinned. Raises `ConflictError` if what it needs has to be approved first.

        With `asks_anew` its models are asked, whatever answers are recorded. `canary` records go first, instead of as
        many as the workflow says; 0 is none. With `takes_again` a workflow that selects takes up what is incomplete,
        though nothing has changed.

        What `wave check` objects to raises `ProjectError`; with `force` the run starts, and its first event says so.
        """
        project = self.watch.read()
        terms = read_where(workflow_of(project, workflow), where)
        if (objections := self.watch.objections(workflow)) and not force:
            raise _unless_forced(objections[0])
        taken = await self._taken(project, workflow)
        new = self._new(taken, resolve_params(taken.workflow, params))
        new = replace(new, limit=limit, terms=terms, priority=priority, asks_anew=asks_anew, takes_again=takes_again)
        if canary is not None:
            new = replace(new, canary=canary or None)
        async with self.database.transaction() as connection:
            await preflight(self.database, connection, taken.project, taken.workflow, terms, folder=self.folder)
            return await runs.create(connection, new)

    async def taken(self, workflow: str) -> Taken:
        """Return what a run of a workflow takes, planned by the database. Raises as `start` does."""
        project = self.watch.read()
        workflow_of(project, workflow)
        if objections := self.watch.objections(workflow):
            raise objections[0].error()
        taken = await self._taken(project, workflow)
        async with self.database.transaction() as connection:
            await preflight(self.database, connection, taken.project, taken.workflow, (), folder=self.folder)
        return taken

    def like(self, taken: Taken, recorded: Mapping[str, Any]) -> runs.NewRun:
        """Return a run with everything pinned anew, and the parameters that another was given, where they still go."""
        return self._new(taken, carried_over(taken.workflow, recorded))

    async def as_of_now(self, workflow: str) -> Project:
        """Return the project as a new run would take it: as it was approved, where a policy pins that. Changes nothing.

        Where something has to be approved before any run: as the folder has them, which is what would be approved.
        """
        project = self.watch.read()
        workflow_of(project, workflow)
        try:
            return await self.approvals.taken(project, workflow, await self.approvals.drifted(project))
        except ConflictError:
            return project

    async def plan(self, schedule: str) -> Plan | Blocked | None:
        """Return what this folder would start for a schedule that is due; None if it has no such schedule."""
        try:
            project = self.watch.read()
            if schedule not in project.schedules:
                return None
            return await self._plan(project, project.schedules[schedule])
        except ProjectError as error:
            return Blocked(reason="folder_unreadable", message=str(error))

    async def _plan(self, project: Project, spec: ScheduleSpec) -> Plan | Blocked:
        try:
            taken = await self._taken(project, spec.workflow)
        except ConflictError as error:
            return Blocked(reason="drifted", message=str(error))
        if objections := self.watch.objections(spec.workflow):
            return Blocked(reason="objected", message=str(objections[0].error()))
        new = self._new(taken, resolve_params(taken.workflow, spec.params))
        try:
            async with self.database.transaction() as connection:
                await preflight(self.database, connection, taken.project, taken.workflow, (), folder=self.folder)
        except ProjectError as error:
            return Blocked(reason="query_refused", message=str(error))
        return Plan(spec=spec, run=replace(new, limit=spec.limit, started_by=f"schedule {spec.name}"))

    async def _taken(self, project: Project, workflow: str) -> Taken:
        """Return what a new run takes: the folder, with what its policies pin as it was approved, all of it stored."""
        drift = await self.sync(project)
        found = await self.approvals.taken(project, workflow, drift)
        if found is not project:
            async with self.database.transaction() as connection:
                await stored.put(connection, definitions(found))
        overruled = sorted({objection.rule.code for objection in self.watch.objections(workflow)})
        return Taken(project=found, workflow=found.workflows[workflow], overruled=overruled)

    def _new(self, taken: Taken, params: Mapping[str, Any]) -> runs.NewRun:
        project, workflow = taken.project, taken.workflow
        return runs.NewRun(
            workflow=workflow.name,
            definition=workflow_definition(project, workflow),
            steps=[new_step(project, workflow, step) for step in workflow.steps.values()],
            params=params,
            limit=None,
            priority=0,
            started_by=self.by,
            canary=workflow.canary.records if workflow.canary else None,
            timeout_s=workflow.timeout_s,
            selects=bool(workflow.select),
            targets=targets(
                [name for step in workflow.steps.values() for name in step.writes],
                project.collections[workflow.collection],
            ),
            currency=project.currency,
            overruled=taken.overruled,
        )


def workflow_of(project: Project, name: str) -> Workflow:
    """Return a workflow of a project; raises `NotFoundError`."""
    if name not in project.workflows:
        raise NotFoundError(f"no workflow {name}", hint=did_you_mean(name, project.workflows))
    return project.workflows[name]


def _unless_forced(mistake: Mistake) -> ProjectError:
    error = mistake.error()
    error.hint = f"{mistake.hint or mistake.rule.fix}; --force runs it all the same"
    return error
