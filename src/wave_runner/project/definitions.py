"""The project as content-addressed definitions: what a run pins and what a person approves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import orjson

from wave_runner.core.loading import merged
from wave_runner.core.pinned import PinnedStep, flat_in, flat_out, write_step
from wave_runner.core.workflow import (
    ROUTER,
    SELECT_ALL,
    ActorKind,
    Definition,
    DefinitionKind,
    ModelSpec,
    Project,
    QuerySpec,
    ScriptSpec,
    Step,
    Workflow,
)
from wave_runner.errors import NotFoundError
from wave_runner.project.folder import is_lock_file
from wave_runner.project.manifest import script_files


@dataclass(frozen=True, kw_only=True)
class ActorManifest:
    """What is approved for an actor: its settings, and the SHA-256 (hex) of each file that decides what it does."""

    name: str
    kind: ActorKind
    settings: Mapping[str, Any]
    files: Mapping[str, str]
    lock: str


@dataclass(frozen=True, kw_only=True)
class ScriptManifest:
    """The SHA-256 (hex) of each file that runs with a script, and of the lock file of what it imports from outside."""

    entry: str
    executable: bool
    files: Mapping[str, str]
    lock: str


def definitions(project: Project) -> list[Definition]:
    """Return everything of the project that has an address: the same for the same folder, in a fixed order."""
    found = [Definition(kind=_kind_of(path), name=path, body=body) for path, body in sorted(project.files.items())]
    found += [
        Definition(kind=DefinitionKind.MODEL, name=name, body=_json(flat_out(model)))
        for name, model in sorted(project.models.items())
    ]
    found += [script_definition(project, name) for name in sorted(project.scripts)]
    found += [actor_definition(project, name) for name in actor_names(project)]
    found += [
        step_definition(project, workflow, step)
        for workflow in project.workflows.values()
        for step in workflow.steps.values()
    ]
    return found


def actor_names(project: Project) -> list[str]:
    """Return every actor of the project; the router is one where a step has no other."""
    routes = any(step.kind is ActorKind.ROUTE for one in project.workflows.values() for step in one.steps.values())
    return sorted(
        {*project.scripts, *project.models, *project.queries, *_people(project), *([ROUTER] if routes else [])}
    )


def _people(project: Project) -> set[str]:
    """Return the queues whose tasks people do."""
    steps = (step for workflow in project.workflows.values() for step in workflow.steps.values())
    return {step.actor for step in steps if step.kind is ActorKind.HUMAN}


def actors_of(workflow: Workflow) -> set[str]:
    """Return the actors that a run of the workflow needs: its steps', and the queries that it selects and judges by."""
    selector = {workflow.select} - {"", SELECT_ALL}
    queries = {*selector, *workflow.ensures_sql, *workflow.ensures_run_sql}
    return {step.actor for step in workflow.steps.values()} | {PurePosixPath(path).stem for path in queries}


def actor_kind(project: Project, name: str) -> ActorKind:
    """Return what an actor is."""
    if name in project.scripts:
        return ActorKind.SCRIPT
    if name in project.queries:
        return ActorKind.SQL
    if name in project.models:
        return ActorKind.AI_MODEL
    return ActorKind.ROUTE if name == ROUTER else ActorKind.HUMAN


def script_definition(project: Project, name: str) -> Definition:
    """Return a script's manifest, from which `wave_runner.project.materialise` makes the folder it runs in."""
    script = project.scripts[name]
    body = {
        "entry": script.entry,
        "executable": script.executable,
        "files": _hashes(script_files(project.files, script)),
        "lock": _lock(project.files),
    }
    return Definition(kind=DefinitionKind.SCRIPT, name=name, body=_json(body))


def actor_definition(project: Project, name: str) -> Definition:
    """Return what is approved: a script with its files, a model, a query or a queue with all that its steps name."""
    if name not in actor_names(project):
        raise NotFoundError(f"the project has no actor {name}")
    settings: Mapping[str, Any] = {}
    files: Mapping[str, bytes] = {}
    lock = ""
    match kind := actor_kind(project, name):
        case ActorKind.SCRIPT:
            script = project.scripts[name]
            settings, files, lock = flat_out(script), script_files(project.files, script), _lock(project.files)
        case ActorKind.AI_MODEL:
            settings, files = flat_out(project.models[name]), _files_of_steps(project, name)
        case ActorKind.SQL:
            query = project.queries[name]
            settings = flat_out(query)
            files = _files_of_steps(project, name) | {query.path: project.files[query.path]}
        case ActorKind.HUMAN:
            files = _files_of_steps(project, name)
    body = {"name": name, "kind": kind, "settings": settings, "files": _hashes(files), "lock": lock}
    return Definition(kind=DefinitionKind.ACTOR, name=name, body=_json(body))


def workflow_definition(project: Project, workflow: Workflow) -> Definition:
    """Return what is approved of a workflow: the bytes of its file."""
    return Definition(kind=_kind_of(workflow.path), name=workflow.path, body=project.files[workflow.path])


def with_settings(project: Project, approved: Iterable[ActorManifest]) -> Project:
    """Return the project with these actors' settings as they were approved."""
    models, scripts, queries = dict(project.models), dict(project.scripts), dict(project.queries)
    for one in approved:
        match one.kind:
            case ActorKind.AI_MODEL:
                models[one.name] = flat_in(ModelSpec, one.settings)
            case ActorKind.SCRIPT:
                scripts[one.name] = flat_in(ScriptSpec, one.settings)
            case ActorKind.SQL:
                queries[one.name] = flat_in(QuerySpec, one.settings)
    return replace(project, models=models, scripts=scripts, queries=queries)


def step_definition(project: Project, workflow: Workflow, step: Step) -> Definition:
    """Return the step resolved, as a run pins it; `wave_runner.core.pinned.read_step` reads it back."""
    is_script, is_query = step.kind is ActorKind.SCRIPT, step.kind is ActorKind.SQL
    pinned = PinnedStep(
        workflow=workflow.name,
        step=step,
        collection=project.collections[workflow.collection],
        params=workflow.params,
        ensures=workflow.ensures,
        ensures_run=workflow.ensures_run,
        ensures_sql=_hashes_of(project, workflow.ensures_sql),
        ensures_run_sql=_hashes_of(project, workflow.ensures_run_sql),
        limits=workflow.limits,
        canary=workflow.canary,
        select=workflow.select,
        select_sha256=_sha256(project.files[workflow.select]) if workflow.select in project.files else "",
        model=merged(project.servers, project.models)[step.actor] if step.kind is ActorKind.AI_MODEL else None,
        script=project.scripts[step.actor] if is_script else None,
        query=project.queries[step.actor] if is_query else None,
        prompt_sha256=_sha256(project.files[step.prompt]) if step.prompt else "",
        output_sha256=_sha256(project.files[step.output]) if step.output else "",
        script_sha256=script_definition(project, step.actor).sha256.hex() if is_script else "",
        sql_sha256=_sha256(project.files[step.sql]) if is_query else "",
    )
    return Definition(kind=DefinitionKind.STEP, name=f"{workflow.name}.{step.name}", body=write_step(pinned))


def read_actor(body: bytes) -> ActorManifest:
    """Return what an actor's definition says."""
    data = orjson.loads(body)
    return ActorManifest(**{**data, "kind": ActorKind(data["kind"])})


def read_script(body: bytes) -> ScriptManifest:
    """Return what a script's definition says."""
    return ScriptManifest(**orjson.loads(body))


def _kind_of(path: str) -> DefinitionKind:
    """Return what a file is by the folder it lies in; everything without a kind of its own is a file of scripts."""
    kinds = {
        "workflows": DefinitionKind.WORKFLOW,
        "prompts": DefinitionKind.PROMPT,
        "schemas": DefinitionKind.SCHEMA,
        "sql": DefinitionKind.SQL,
    }
    return kinds.get(path.partition("/")[0], DefinitionKind.FILE)


def _files_of_steps(project: Project, name: str) -> dict[str, bytes]:
    used = [
        path
        for workflow in project.workflows.values()
        for step in workflow.steps.values()
        if step.actor == name
        for path in (step.prompt, step.sql, step.output)
        if path
    ]
    return {path: project.files[path] for path in used}


def _hashes_of(project: Project, paths: Iterable[str]) -> dict[str, str]:
    """Return the hashes of queries that are there; what is not has a finding of its own."""
    return {path: _sha256(project.files[path]) for path in paths if path in project.files}


def _lock(files: Mapping[str, bytes]) -> str:
    """Return one hash for the lock files together, or "" where the project has none."""
    locks = {path: body for path, body in files.items() if is_lock_file(path)}
    return _sha256(_json(_hashes(locks))) if locks else ""


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: _sha256(body) for path, body in files.items()}


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
