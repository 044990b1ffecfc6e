"""A project's folder beside what is approved: what has drifted, what a person approves, what a new run may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wave_runner.core.drift import Drift, Policy, Seen, stricter
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Project, Workflow
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.project.definitions import (
    actor_definition,
    actor_kind,
    actor_names,
    actors_of,
    definitions,
    read_actor,
    with_settings,
    workflow_definition,
)
from wave_runner.project.load import read_project
from wave_runner.store import definitions as stored
from wave_runner.store import drift
from wave_runner.store.database import Connection, Database


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """What one person brings and approves."""

    database: Database
    folder: Path
    by: str

    async def sync(self, project: Project, *, dev: bool = False) -> Drift:
        """Store the folder's definitions, register what is new, and record what has drifted and what no longer has.

        With `dev` a change is approved at once, and its event says so.
        """
        async with self.database.transaction() as connection:
            await stored.put(connection, definitions(project))
            known, weights = await stored.actors(connection), {}
            actors = {}
            for name in actor_names(project):
                actor = known.get(name)
                if policy := await self._sync_actor(connection, project, name, actor, dev=dev):
                    actors[name] = policy
                if actor is not None and actor.weights_found is not None and not dev:
                    weights[name] = stricter(actor.policy, project.drift.of_actor(name))
            followed = await stored.workflows(connection)
            workflows = {}
            for workflow in project.workflows.values():
                known_as = followed.get(workflow.name)
                if policy := await self._sync_workflow(connection, project, workflow, known_as, dev=dev):
                    workflows[workflow.name] = policy
        return Drift(actors=actors, workflows=workflows, weights=weights)

    async def _sync_actor(
        self, connection: Connection, project: Project, name: str, actor: stored.Actor | None, *, dev: bool
    ) -> Policy | None:
        """Return the policy that is in force if the actor has drifted, else None."""
        definition, said = actor_definition(project, name), project.drift.of_actor(name)
        if actor is None:
            kind = actor_kind(project, name)
            await drift.register(connection, definition, kind=kind, policy=said, by=self.by)
            return None
        if dev:
            await drift.approve(connection, definition, policy=said, by=self.by, dev=True)
            return None
        policy = stricter(actor.policy, said)
        if policy is not actor.policy:
            await drift.tighten(connection, definition, was=actor.policy, policy=policy, by=self.by)
        if actor.sha256 == definition.sha256:
            await drift.restore(connection, definition)
            return None
        await drift.mark(connection, definition, approved=actor.sha256, policy=policy)
        return policy

    async def _sync_workflow(
        self, connection: Connection, project: Project, workflow: Workflow, known: stored.Workflow | None, *, dev: bool
    ) -> Policy | None:
        name, file, said = (
            workflow.name,
            workflow_definition(project, workflow),
            project.drift.of_workflow(workflow.name),
        )
        if known is None:
            await drift.register_workflow(connection, name, file, policy=said, by=self.by)
            return None
        if dev:
            await drift.approve_workflow(connection, name, file, policy=said, by=self.by, dev=True)
            return None
        policy = stricter(known.policy, said)
        if policy is not known.policy:
            await drift.tighten_workflow(connection, name, file, was=known.policy, policy=policy, by=self.by)
        if known.sha256 == file.sha256:
            await drift.restore_workflow(connection, name, file)
            return None
        await drift.mark_workflow(connection, name, file, approved=known.sha256, policy=policy)
        return policy

    async def approve(self, project: Project, name: str, *, seen: Seen | None = None) -> bool:
        """Approve what the folder holds of an actor, and its model server, under the folder's policy.

        With `seen` only if its server holds the weights that were seen, and under the policy that was: the stricter
        one. False if all of that was approved already. What has never been known is, from now on.

        Raises `NotFoundError` for an actor that the folder has not, `ConflictError` for other weights.
        """
        if name not in actor_names(project):
            raise NotFoundError(f"no actor {name}", hint=did_you_mean(name, actor_names(project)))
        definition = actor_definition(project, name)
        async with self.database.transaction() as connection:
            await stored.put(connection, [*definitions(project), definition])
            said, kind = project.drift.of_actor(name), actor_kind(project, name)
            if await drift.register(connection, definition, kind=kind, policy=said, by=self.by):
                return True
            await stored.lock_actor(connection, name)
            known = (await stored.actors(connection))[name]
            if seen is not None and seen.weights != known.weights_found:
                raise ConflictError(
                    f"the server of {name} holds other weights than those that were looked at",
                    hint="look again: wave actors list",
                )
            policy = said if seen is None else stricter(known.policy, said)
            return await drift.approve(connection, definition, policy=policy, by=self.by)

    async def approve_workflow(self, project: Project, name: str, *, seen: Seen | None = None) -> bool:
        """Approve the folder's file of a workflow, under the folder's policy. As `approve` otherwise."""
        if name not in project.workflows:
            raise NotFoundError(f"no workflow {name}", hint=did_you_mean(name, project.workflows))
        file = workflow_definition(project, project.workflows[name])
        async with self.database.transaction() as connection:
            await stored.put(connection, [*definitions(project), file])
            said = project.drift.of_workflow(name)
            if await drift.register_workflow(connection, name, file, policy=said, by=self.by):
                return True
            known = (await stored.workflows(connection))[name]
            policy = said if seen is None else stricter(known.policy, said)
            return await drift.approve_workflow(connection, name, file, policy=policy, by=self.by)

    async def drifted(self, project: Project) -> Drift:
        """Return what the folder, or a model server, holds otherwise than it is approved. Changes nothing."""
        async with self.database.snapshot() as connection:
            known, followed = await stored.actors(connection), await stored.workflows(connection)
        here = {name: actor_definition(project, name).sha256 for name in actor_names(project) if name in known}
        files = {one.name: workflow_definition(project, one) for one in project.workflows.values()}
        return Drift(
            actors={
                name: stricter(known[name].policy, project.drift.of_actor(name))
                for name, sha256 in here.items()
                if known[name].sha256 != sha256
            },
            workflows={
                name: stricter(followed[name].policy, project.drift.of_workflow(name))
                for name, file in files.items()
                if name in followed and followed[name].sha256 != file.sha256
            },
            weights={name: known[name].policy for name in here if known[name].weights_found is not None},
        )

    async def taken(self, project: Project, workflow: str, found: Drift) -> Project:
        """Return what a new run of a workflow takes: the folder, with what its policies pin as it was approved.

        Raises `ConflictError` where something of it has to be approved first, or where what is pinned does not go with
        the rest of the folder.
        """
        async with self.database.snapshot() as connection:
            known, followed = await stored.actors(connection), await stored.workflows(connection)
            instead, followed_as = {}, project
            if found.workflows.get(workflow) is Policy.PIN:
                instead[project.workflows[workflow].path] = followed[workflow].approved
                followed_as = read_project(self.folder, instead).whole()
            actors = actors_of(followed_as.workflows[workflow])
            if refused := found.refused(workflow, actors):
                raise drift_conflict(refused)
            approved = {name: read_actor(known[name].approved) for name in found.pinned(actors)}
            if not (instead or approved):
                return project
            files = {path: sha256 for one in approved.values() for path, sha256 in one.files.items()}
            bodies = await stored.bodies(connection, files.values())
            instead |= {path: bodies[sha256] for path, sha256 in files.items()}
        taken = with_settings(read_project(self.folder, instead).whole(), approved.values())
        self._check(project, taken, workflow, found, {name: known[name].sha256 for name in known})
        return taken

    def _check(
        self, project: Project, taken: Project, workflow: str, found: Drift, approved: Mapping[str, bytes]
    ) -> None:
        """See that what is pinned is exactly what was approved: files may be shared, locked packages change."""
        for name in sorted(actors_of(taken.workflows[workflow])):
            newest = found.actors.get(name) is Policy.WARN
            wanted = actor_definition(project, name).sha256 if newest else approved.get(name)
            if wanted is not None and actor_definition(taken, name).sha256 != wanted:
                raise ConflictError(
                    f"drifted: {name}: the folder as its policies have it is not what {name} is approved as",
                    hint=f"what is pinned and what is new share files; wave actors approve {name} accepts the change",
                )


def drift_conflict(names: list[str]) -> ConflictError:
    """Return the error that tells what has drifted and what to do."""
    listed = ", ".join(names)
    words = names[0].removeprefix("workflow ")
    approve = f"--workflow {words}" if names[0] != words else words
    return ConflictError(
        f"drifted: {listed}: this is not what is approved",
        hint=f"wave actors list --diff shows it; wave actors approve {approve} accepts it, --dev accepts every change",
    )
