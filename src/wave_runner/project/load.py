"""A project folder, read whole and checked: after this, every name exists and every file it names has been read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wave_runner.core.cost import SECOND
from wave_runner.core.drift import EVERY_OTHER
from wave_runner.core.lint import Finding, Severity, Surroundings, lint, sharing, unused
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.params import resolve_params
from wave_runner.core.pinned import longest_answer
from wave_runner.core.workflow import ROUTER, ActorKind, Project, ScriptSpec, Workflow
from wave_runner.errors import ProjectError, WaveError
from wave_runner.project import folder as project_folder
from wave_runner.project.definitions import actor_names
from wave_runner.project.document import Document
from wave_runner.project.folder import WAVE_TOML, find_project
from wave_runner.project.manifest import ManifestError, imported_names, script_files
from wave_runner.project.mistakes import Mistake, Mistakes
from wave_runner.project.named_files import prompts, schemas, titles
from wave_runner.project.queries import QueryError, find_queries, read_query
from wave_runner.project.script_inputs import script_inputs
from wave_runner.project.script_staging import staging_scripts
from wave_runner.project.toml_text import read_toml
from wave_runner.project.wave_toml import Declared, is_name, read_wave_toml
from wave_runner.project.workflow_file import read_workflow
from wave_runner.project.yaml_text import read_yaml

NOTHING: Mapping[str, bytes] = {}

__all__ = ["Reading", "find_project", "load_project", "located", "read_project"]


@dataclass(frozen=True)
class Reading:
    """A project's folder as it was read. `project` is there if no mistake is an error, whatever else was found."""

    project: Project | None
    mistakes: tuple[Mistake, ...]

    def whole(self) -> Project:
        """Return the project; raises ProjectError with the first error, if there is one."""
        if self.project is None:
            first, *others = [one for one in self.mistakes if one.rule.severity is Severity.ERROR]
            error = first.error()
            if others:
                error.hint = "; ".join(filter(None, [error.hint, f"wave check tells {len(others)} more"]))
            raise error
        return self.project

    def objections(self, workflow: str) -> list[Mistake]:
        """Return what speaks against a run of one workflow, and does not make it impossible."""
        return [one for one in self.mistakes if one.rule.severity is Severity.OBJECTION and one.workflow == workflow]


def load_project(folder: Path) -> Project:
    """Read the project in `folder`. The first error, in the order of files and lines, raises ProjectError."""
    return read_project(folder).whole()


def read_project(folder: Path, instead: Mapping[str, bytes] = NOTHING) -> Reading:
    """Read the project in `folder`, and everything that is wrong with it; with the files `instead` of its own."""
    if not (folder / WAVE_TOML).is_file():
        raise ProjectError(f"there is no {WAVE_TOML} in {folder}", hint=f"make a project with `wave init {folder}`")
    mistakes = Mistakes(folder)
    project = None
    with mistakes.heard():
        project = _read(folder, instead, mistakes)
    broken = any(one.rule.severity is Severity.ERROR for one in mistakes.found)
    return Reading(None if broken else project, tuple(mistakes.found))


def _read(folder: Path, instead: Mapping[str, bytes], mistakes: Mistakes) -> Project:
    """Return what can be read. Raises only where nothing behind it could be."""
    files = {path: project_folder.read(folder, path) for path in project_folder.project_paths(folder)} | dict(instead)
    document = read_toml(folder / WAVE_TOML, files.pop(WAVE_TOML))
    declared = read_wave_toml(document)
    scripts = _scripts(folder, document, declared, files)
    for script in declared.scripts.values():
        files = _files_of(folder, document, script) | files
    documents, workflows = _workflows(folder, files, mistakes)
    project = Project(
        id=declared.id,
        name=declared.name,
        currency=declared.currency,
        retention=declared.retention,
        collections=declared.collections,
        servers=declared.servers,
        models=declared.models,
        scripts=scripts,
        queries={},
        workflows=workflows,
        schedules=declared.schedules,
        files=files,
        drift=declared.drift,
        alerts=declared.alerts,
    )
    around = _surroundings(project)
    for workflow in workflows.values():
        _check_workflow(workflow, project, around, documents[workflow.path], mistakes)
    project = replace(project, scripts=_in_use(project, declared))
    with mistakes.heard():
        _check_scripts(folder, project)
    with mistakes.heard():
        project = replace(project, queries=find_queries(project, documents))
        _check_queries(folder, project)
    with mistakes.heard():
        _check_people(project, documents)
    with mistakes.heard():
        _check_schedules(project, document)
    with mistakes.heard():
        _check_drift(project, document)
    if not mistakes.found:  # else what nobody seems to use may be used by what could not be read
        for path, finding in unused(project):
            mistakes.add(document if path == WAVE_TOML else Document(folder / path, {}, {(): 0}), finding)
    for finding in sharing(project):
        mistakes.add(document, finding)
    return project


def located(folder: Path, path: str, finding: Finding) -> ProjectError:
    """Return a finding about the project's wave.toml, or one of its workflows, as an error with its line."""
    read = read_toml if path == WAVE_TOML else read_yaml
    document = read(folder / path, project_folder.read(folder, path))
    return document.error(finding.at, finding.message, finding.hint, rule=finding.rule)


def _is_workflow(path: str) -> bool:
    return path.startswith("workflows/") and path.endswith((".yaml", ".yml"))


def _workflows(
    folder: Path, files: Mapping[str, bytes], mistakes: Mistakes
) -> tuple[dict[str, Document], dict[str, Workflow]]:
    """Return each workflow that can be read, by its name, and its file's document by its path."""
    documents: dict[str, Document] = {}
    workflows: dict[str, Workflow] = {}
    for path in filter(_is_workflow, files):
        with mistakes.heard():
            document = read_yaml(folder / path, files[path])
            workflow = read_workflow(document, path)
            if workflow.name in workflows:
                message = f"there is a workflow `{workflow.name}` already, in {workflows[workflow.name].path}"
                raise document.error(("workflow",), message, rule="name_taken")
            documents[path] = document
            workflows[workflow.name] = workflow
    return documents, workflows


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
            raise document.error(at, f"there is no file {script.entry}", near, rule="unknown_file")
        if script.executable and not os.access(folder / script.entry, os.X_OK):
            at = ("scripts", name, "executable")
            message = f"{script.entry} has no permission to be executed"
            raise document.error(at, message, f"chmod +x {script.entry}", rule="bad_script")
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
            at = ("scripts", script.name, "files", index)
            raise document.error(at, f"there is nothing at {path}", rule="unknown_file")
        found |= {path: project_folder.read(folder, path) for path in paths}
    return found


def _check_scripts(folder: Path, project: Project) -> None:
    for script in project.scripts.values():
        try:
            for path, content in script_files(project.files, script).items():
                if path.endswith(".py"):
                    _check_imports(folder, project, path, content)
        except ManifestError as error:
            raise ProjectError(str(error), path=folder / error.path, line=error.line, rule="bad_script") from error


def _check_queries(folder: Path, project: Project) -> None:
    for query in project.queries.values():
        try:
            read_query(project.files[query.path])
        except QueryError as error:
            raise ProjectError(str(error), path=folder / query.path, line=error.line, rule="bad_query") from error


def _check_people(project: Project, documents: Mapping[str, Document]) -> None:
    """A queue of people is an actor, and an actor has one kind."""
    taken = {ROUTER: "word of our own"}
    taken |= dict.fromkeys(project.scripts, "script") | dict.fromkeys(project.models, "model")
    taken |= dict.fromkeys(project.queries, "query")
    for workflow in project.workflows.values():
        for step in workflow.steps.values():
            if step.kind is ActorKind.HUMAN and step.actor in taken:
                at = ("steps", step.name, "human")
                message = f"`{step.actor}` is a {taken[step.actor]} already; an actor has one kind"
                hint = "give the queue another name"
                raise documents[workflow.path].error(at, message, hint, rule="name_taken")


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


def _check_drift(project: Project, document: Document) -> None:
    """A policy of a name that nobody has would guard nothing."""
    of_actors = ("actors", project.drift.actors, actor_names(project))
    of_workflows = ("workflows", project.drift.workflows, sorted(project.workflows))
    for of, said, there in (of_actors, of_workflows):
        for name in said:
            if name not in (EVERY_OTHER, *there):
                message = f"there is no {of.removesuffix('s')} `{name}`"
                raise document.error(("drift", of, name), message, did_you_mean(name, there))


def _check_imports(folder: Path, project: Project, path: str, content: bytes) -> None:
    """Refuse to import a module of the project that lies where scripts are not pinned: it would not run with them."""
    for name, line in imported_names(path, content):
        module = next((at for at in (f"{name}.py", f"{name}/__init__.py") if (folder / at).is_file()), None)
        if module and module not in project.files:
            hint = f"move it below actors/, or name it in `files` of a [scripts.NAME] in {WAVE_TOML}"
            message = f"{module} is not pinned with the script"
            raise ProjectError(message, path=folder / path, line=line, hint=hint, rule="bad_script")


def _surroundings(project: Project) -> Surroundings:
    """Return what the names of every workflow are looked up in; what one of them names itself comes in its turn."""
    staging, deciding = staging_scripts(project)
    return Surroundings(
        collections=project.collections,
        models=project.models,
        priced=[name for name, model in project.models.items() if model.price],
        bounded=[name for name, model in project.models.items() if longest_answer(model)],
        timed=[name for name, model in project.models.items() if model.timeout_s or not model.price.get(SECOND)],
        scripts=project.scripts,
        inputs=script_inputs(project),
        staging=staging,
        deciding=deciding,
        schemas={},
        prompts={},
        titles={},
    )


def _check_workflow(
    workflow: Workflow, project: Project, around: Surroundings, document: Document, mistakes: Mistakes
) -> None:
    around = replace(
        around,
        schemas=schemas(workflow, project.files, document, mistakes),
        prompts=prompts(workflow, project.files, document, mistakes),
        titles=titles(workflow, document, mistakes),
    )
    for finding in lint(workflow, around):
        mistakes.add(document, finding, workflow.name)
