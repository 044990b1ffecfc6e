"""What is approved of each actor and workflow, beside what the folder and the model servers hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from wave_runner.core.drift import Policy, stricter
from wave_runner.core.workflow import Definition, Project
from wave_runner.project.definitions import (
    actor_definition,
    actor_kind,
    actor_names,
    read_actor,
    workflow_definition,
)
from wave_runner.project.drift import contents, diff
from wave_runner.store import definitions
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an actor or a workflow stands. `approved` and `found` are hashes in hex, "" where there is nothing.

    `weights` are those that are approved of a model, `weights_found` what its server holds instead.
    """

    name: str
    kind: str
    state: str  # "active" | "drifted" | "new" | "gone"
    policy: str
    approved: str
    found: str
    by: str | None
    approved_body: bytes | None
    found_body: bytes | None
    weights: str | None = None
    weights_found: str | None = None


HIDDEN = ("name", "approved_body", "found_body")


async def as_rows(database: Database, project: Project, *, with_diff: bool = False) -> list[dict[str, Any]]:
    """Return them as documents have them: without the bytes, and with what has changed where that is asked for."""
    found = await approved(database, project)
    return [_as_row(one) | ({"diff": await _diff(database, project, one)} if with_diff else {}) for one in found]


def _as_row(one: Standing) -> dict[str, Any]:
    return {"actor": one.name, **{name: value for name, value in vars(one).items() if name not in HIDDEN}}


async def approved(database: Database, project: Project) -> list[Standing]:
    """Return how everything stands that the folder or the database knows: actors by name, then workflows."""
    async with snapshot(database) as connection:
        actors, workflows = await definitions.actors(connection), await definitions.workflows(connection)
    here = {name: actor_definition(project, name) for name in actor_names(project)}
    files = {one.name: workflow_definition(project, one) for one in project.workflows.values()}
    return [
        *(_actor(project, name, actors.get(name), here.get(name)) for name in sorted({*here, *actors})),
        *(
            _standing(name, workflows.get(name), files.get(name), project.drift.of_workflow(name))
            for name in sorted({*files, *workflows})
        ),
    ]


def _actor(project: Project, name: str, known: definitions.Actor | None, here: Definition | None) -> Standing:
    standing = _standing(name, known, here, project.drift.of_actor(name))
    if known is None:
        return replace(standing, kind=str(actor_kind(project, name)))
    other = known.weights_found is not None and standing.state == "active"
    return replace(
        standing,
        kind=known.kind,
        state="drifted" if other else standing.state,
        weights=known.weights,
        weights_found=known.weights_found,
    )


def _standing(
    name: str, known: definitions.Actor | definitions.Workflow | None, here: Definition | None, said: Policy
) -> Standing:
    """Return how a workflow stands, or an actor as far as its folder says it."""
    approved, found = known.sha256 if known is not None else None, here.sha256 if here is not None else None
    return Standing(
        name=name,
        kind="workflow",
        state=_state(approved, found),
        policy=str(stricter(known.policy, said) if known is not None else said),
        approved=approved.hex() if approved is not None else "",
        found=found.hex() if found is not None else "",
        by=known.approved_by if known is not None else None,
        approved_body=known.approved if known is not None else None,
        found_body=here.body if here is not None else None,
    )


def _state(approved: bytes | None, found: bytes | None) -> str:
    if approved is None:
        return "new"
    if found is None:
        return "gone"
    return "active" if approved == found else "drifted"


async def _diff(database: Database, project: Project, one: Standing) -> str:
    """Return what changed in an actor's files and settings, or in a workflow's file, since it was approved."""
    if one.approved_body is None or one.found_body is None or one.approved_body == one.found_body:
        return ""
    if one.kind == "workflow":
        path = project.workflows[one.name].path
        return diff({path: one.approved_body}, {path: one.found_body})
    approved, found = read_actor(one.approved_body), read_actor(one.found_body)
    stored = await _files(database, set(approved.files.values()))
    here = {sha256(content).hexdigest(): content for content in project.files.values()}
    return diff(contents(approved, stored.__getitem__), contents(found, here.__getitem__))


async def _files(database: Database, hashes: set[str]) -> dict[str, bytes]:
    async with snapshot(database) as connection:
        return await definitions.bodies(connection, hashes)
