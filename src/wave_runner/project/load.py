"""A project folder, read whole and checked: after this, every name exists and every file it names has been read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wave_runner.core.canonical import parse_json
from wave_runner.core.contract import OutputContract, SchemaError
from wave_runner.core.lint import Finding, Surroundings, lint
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.params import resolve_params
from wave_runner.core.workflow import ActorKind, Project, ScriptSpec, Workflow
from wave_runner.errors import ProjectError, WaveError
from wave_runner.project import folder as project_folder
from wave_runner.project.document import Document
from wave_runner.project.folder import WAVE_TOML, find_project
from wave_runner.project.manifest import ManifestError, imported_names, script_files
from wave_runner.project.queries import QueryError, find_queries, read_query
from wave_runner.project.templates import PromptError, read_prompt
from wave_runner.project.toml_text import read_toml
from wave_runner.project.wave_toml import Declared, is_name, read_wave_toml
from wave_runner.project.workflow_file import read_workflow
from wave_runner.project.yaml_text import read_yaml

__all__ = ["find_project", "load_project", "located"]


def load_project(folder: Path) -> Project:
    """Read the project in `folder`. The first mistake, in the order of files and lines, raises ProjectError."""
    if not (folder / WAVE_TOML).is_file():
        raise ProjectError(f"there is no {WAVE_TOML} in {folder}", hint=f"make a project with `wave init {folder}`")
    files = {path: project_folder.read(folder, path) for path in project_folder.project_paths(folder)}
    document = read_toml(folder / WAVE_TOML, files.pop(WAVE_TOML))
    declared = read_wave_toml(document)
    scripts = _scripts(folder, document, declared, files)
    for script in declared.scripts.values():
        files |= _files_of(folder, document, script)
    documents = {path: read_yaml(folder / path, files[path]) for path in files if _is_workflow(path)}
    project = Project(
        id=declared.id,
        name=declared.name,
        collections=declared.collections,
        servers=declared.servers,
        models=declared.models,
        scripts=scripts,
        queries={},
        workflows=_workflows(documents),
        schedules=declared.schedules,
        files=files,
    )
    _check_workflows(folder, project, documents)
    project = replace(project, scripts=_in_use(project, declared))
    _check_scripts(folder, project)
    project = replace(project, queries=find_queries(project, documents))
    _check_queries(folder, project)
    _check_schedules(project, document)
    return project


def located(folder: Path, path: str, finding: Finding) -> ProjectError:
    """Return a finding about the project's wave.toml, or one of its workflows, as an error with its line."""
    read = read_toml if path == WAVE_TOML else read_yaml
    document = read(folder / path, project_folder.read(folder, path))
    return document.error(finding.at, finding.message, finding.hint)


def _is_workflow(path: str) -> bool:
    return path.startswith("workflows/") and path.endswith((".yaml", ".yml"))


def _workflows(documents: Mapping[str, Document]) -> dict[str, Workflow]:
    workflows: dict[str, Workflow] = {}
    for path, document in documents.items():
        workflow = read_workflow(document, path)
        if workflow.name in workflows:
            other = workflows[workflow.name].path
            raise document.error(("workflow",), f"there is a workflow `{workflow.name}` already, in {other}")
        workflows[workflow.name] = workflow
    return workflows


def _scripts(folder: Path, document: Document, declared: Declared, files: Mapping[str, bytes]) -> dict[str, ScriptSpec]:
    """Return every script: `actors/NAME.py`, an executable `actors/NAME`, and what `[scripts]` declares."""
    scripts: dict[str, ScriptSpec] = {}
    for path in files:
        found = _script_at(folder, path)
        if found and found.name not in declared.models and found.name not in declared.scripts:
            scripts[found.name] = found
    for name, script in declared.scripts.items():
        if script.entry not in files:
            at = ("scripts", name, "entry")
            near = did_you_mean(script.entry, (path for path in files if path.startswith("actors/")))
            raise document.error(at, f"there is no file {script.entry}", near)
        if script.executable and not os.access(folder / script.entry, os.X_OK):
            message = f"{script.entry} has no permission to be executed"
            raise document.error(("scripts", name, "executable"), message, f"chmod +x {script.entry}")
        scripts[name] = script
    return scripts


def _in_use(project: Project, declared: Declared) -> dict[str, ScriptSpec]:
    """Leave out the files of actors/ that no step names: modules that the scripts share."""
    steps = (step for workflow in project.workflows.values() for step in workflow.steps.values())
    named = {step.actor for step in steps if step.kind is ActorKind.SCRIPT}
    return {name: script for name, script in project.scripts.items() if name in named or name in declared.scripts}


def _script_at(folder: Path, path: str) -> ScriptSpec | None:
    """Return the script that a file right under actors/ is by its name alone, if it is one."""
    parent, _, file_name = path.rpartition("/")
    name, dot, suffix = file_name.partition(".")
    if parent != "actors" or not is_name(name):
        return None
    if suffix == "py":
        return ScriptSpec(name=name, entry=path)
    if not dot and os.access(folder / path, os.X_OK):
        return ScriptSpec(name=name, entry=path, executable=True)
    return None


def _files_of(folder: Path, document: Document, script: ScriptSpec) -> dict[str, bytes]:
    """Return the other files that `files` of a script names; a path that ends in / is a whole folder."""
    found: dict[str, bytes] = {}
    for index, path in enumerate(script.files):
        paths = list(project_folder.paths_below(folder, path.rstrip("/"))) if path.endswith("/") else [path]
        if not paths or not (folder / path).exists():
            raise document.error(("scripts", script.name, "files", index), f"there is nothing at {path}")
        found |= {path: project_folder.read(folder, path) for path in paths}
    return found


def _check_scripts(folder: Path, project: Project) -> None:
    for script in project.scripts.values():
        try:
            for path, content in script_files(project.files, script).items():
                if path.endswith(".py"):
                    _check_imports(folder, project, path, content)
        except ManifestError as error:
            raise ProjectError(str(error), path=folder / error.path, line=error.line) from error


def _check_queries(folder: Path, project: Project) -> None:
    for query in project.queries.values():
        try:
            read_query(project.files[query.path])
        except QueryError as error:
            raise ProjectError(str(error), path=folder / query.path, line=error.line) from error


def _check_schedules(project: Project, document: Document) -> None:
    for name, schedule in project.schedules.items():
        at = ("schedules", name)
        if schedule.workflow not in project.workflows:
            near = did_you_mean(schedule.workflow, project.workflows)
            raise document.error((*at, "workflow"), f"there is no workflow `{schedule.workflow}`", near)
        try:
            resolve_params(project.workflows[schedule.workflow], schedule.params)
        except WaveError as error:
            raise document.error((*at, "params"), error.message, error.hint) from error


def _check_imports(folder: Path, project: Project, path: str, content: bytes) -> None:
    """Refuse to import a module of the project that lies where scripts are not pinned: it would not run with them."""
    for name, line in imported_names(path, content):
        module = next((at for at in (f"{name}.py", f"{name}/__init__.py") if (folder / at).is_file()), None)
        if module and module not in project.files:
            hint = f"move it below actors/, or name it in `files` of a [scripts.NAME] in {WAVE_TOML}"
            raise ProjectError(f"{module} is not pinned with the script", path=folder / path, line=line, hint=hint)


def _check_workflows(folder: Path, project: Project, documents: Mapping[str, Document]) -> None:
    for workflow in project.workflows.values():
        document = documents[workflow.path]
        around = Surroundings(
            collections=project.collections,
            models=project.models,
            scripts=project.scripts,
            schemas=_schemas(folder, workflow, project, document),
            prompts=_prompts(folder, workflow, project, document),
        )
        for finding in lint(workflow, around):
            raise document.error(finding.at, finding.message, finding.hint)


def _schemas(folder: Path, workflow: Workflow, project: Project, document: Document) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for step in workflow.steps.values():
        if step.output:
            content = _named_file(step.output, ("steps", step.name, "output"), project, document)
            try:
                OutputContract(content)
            except SchemaError as error:
                line = _schema_line(content, error)
                raise ProjectError(f"this is no JSON Schema: {error}", path=folder / step.output, line=line) from error
            schemas[step.output] = parse_json(content)
    return schemas


def _schema_line(content: bytes, error: SchemaError) -> int:
    """Return the line that the JSON reader names, or that of the key where the way to the mistake ends."""
    if named := re.search(r" at line (\d+) column ", str(error)):
        return int(named[1])
    end = 0
    for key in error.at:
        end = max(content.find(f'"{key}"'.encode(), end), end)
    return content[:end].count(b"\n") + 1


def _prompts(folder: Path, workflow: Workflow, project: Project, document: Document) -> dict[str, frozenset[str]]:
    prompts: dict[str, frozenset[str]] = {}
    for step in workflow.steps.values():
        if step.prompt:
            content = _named_file(step.prompt, ("steps", step.name, "prompt"), project, document)
            try:
                prompt = read_prompt(content)
            except PromptError as error:
                raise ProjectError(str(error), path=folder / step.prompt, line=error.line) from error
            _refuse_braced(folder / step.prompt, content, prompt.braced & step.input.keys())
            prompts[step.prompt] = prompt.names
    return prompts


def _refuse_braced(path: Path, content: bytes, names: frozenset[str]) -> None:
    for name in sorted(names):
        line = next(n for n, text in enumerate(content.decode().splitlines(), 1) if name in text and "{" in text)
        raise ProjectError(
            f"`{{{name}}}` would stand in the prompt as plain text",
            path=path,
            line=line,
            hint=f"write {{{{ {name} }}}}",
        )


def _named_file(path: str, at: tuple[str, ...], project: Project, document: Document) -> bytes:
    if path in project.files:
        return project.files[path]
    under = path.partition("/")[0] + "/"
    near = did_you_mean(path, (known for known in project.files if known.startswith(under)))
    raise document.error(at, f"there is no file {path} in the project", near)
