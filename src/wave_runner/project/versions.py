"""Another version of a step: the project as it would be with another prompt, model or script, nothing written yet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import ActorKind, Project, Step, Workflow
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.project import folder as project_folder
from wave_runner.project.load import read_project

WHATS = ("prompt", "model", "script")


@dataclass(frozen=True, kw_only=True)
class Version:
    """A step of a project with other files than its folder has: their new bytes by path, and what was asked for.

    Without `files` it is the folder's own version.
    """

    project: Project
    workflow: str
    step: str
    given: Mapping[str, str]
    files: Mapping[str, bytes]
    before: Mapping[str, str]  # the hash of what the folder has instead, by path

    @property
    def changes(self) -> dict[str, Any]:
        """Return what is kept of it: what was asked for, and of each file the hashes before and after, in hex."""
        hashes = {path: {"before": self.before[path], "after": sha256(body)} for path, body in self.files.items()}
        return {"with": dict(self.given), "files": hashes}


def with_changes(folder: Path, project: Project, workflow: str | None, step: str, given: Mapping[str, str]) -> Version:
    """Return a project with another prompt, model or script of one step, read and checked as a whole.

    `given` has a file for `prompt` and `script`, from here or from the project's folder, and a name of wave.toml for
    `model`. The workflow need be named only where several have such a step. Raises `NotFoundError` for a step that is
    not there, `ProjectError` for what the step has not, and for what does not go with the rest of the folder.
    """
    workflow = only_workflow(project, workflow, step)
    found = project.workflows[workflow].steps[step]
    files = {}
    for what, value in given.items():
        path, body = _changed(folder, project, project.workflows[workflow], found, what, value)
        files[path] = body
    before = {path: sha256(project.files[path]) for path in files}
    changed = read_project(folder, files).whole() if files else project
    return Version(project=changed, workflow=workflow, step=step, given=dict(given), files=files, before=before)


def only_workflow(project: Project, named: str | None, step: str) -> str:
    """Return the workflow that is named, or the only one that has such a step."""
    if named is not None and named not in project.workflows:
        raise NotFoundError(f"no workflow {named}", hint=did_you_mean(named, project.workflows))
    having = [name for name, one in project.workflows.items() if step in one.steps and named in (None, name)]
    if not having:
        known = [name for one in project.workflows.values() for name in one.steps]
        said = f"workflow {named} has no step {step}" if named is not None else f"no workflow has a step {step}"
        raise NotFoundError(said, hint=did_you_mean(step, known))
    if len(having) > 1:
        raise NotFoundError(f"several workflows have a step {step}: {', '.join(having)}", hint="--workflow names one")
    return having[0]


def _changed(
    folder: Path, project: Project, workflow: Workflow, step: Step, what: str, value: str
) -> tuple[str, bytes]:
    match what, step.kind:
        case "prompt", ActorKind.AI_MODEL:
            return step.prompt, _read(folder, value)
        case "script", ActorKind.SCRIPT:
            return project.scripts[step.actor].entry, _read(folder, value)
        case "model", ActorKind.AI_MODEL:
            if value not in project.models:
                raise ProjectError(f"wave.toml has no model {value}", hint=did_you_mean(value, project.models))
            return workflow.path, _with_model(project.files[workflow.path], step.name, value)
        case (("prompt" | "model" | "script"), _):
            raise ProjectError(f"{step.name} is done by {step.kind} {step.actor}, and has no {what}")
        case _:
            raise ProjectError(f"a step has no {what!r} to change", hint=f"--with {'=… or '.join(WHATS)}=…")


def _read(folder: Path, value: str) -> bytes:
    """Return a file's bytes: a path from here, or else one in the project."""
    here = next((file for file in (Path(value), folder / value) if file.is_file()), None)
    if here is None:
        raise ProjectError(f"there is no file {value}", hint="give a path from here, or one in the project's folder")
    try:
        if here.stat().st_size > project_folder.MAX_FILE_BYTES:
            raise ProjectError(f"{value} is larger than {project_folder.MAX_FILE_BYTES // 1024**2} MiB")
        return here.read_bytes()
    except OSError as error:
        raise ProjectError(f"{value} cannot be read: {error.strerror or error}") from error


def _with_model(workflow: bytes, step: str, model: str) -> bytes:
    """Return a workflow file in which a step names another model; not a byte else of it is changed."""
    text = workflow.decode()
    root = YAML(typ="safe", pure=True).compose(text)
    node = _member(_member(_member(root, "steps"), step), "model")
    first, last = node.start_mark.index, node.end_mark.index
    return f"{text[:first]}{model}{text[last:]}".encode()


def _member(node: Node, key: str) -> Node:
    assert isinstance(node, MappingNode), "the file was read as a workflow before"
    found: Node = next(value for name, value in node.value if name.value == key)
    return found


def write_files(folder: Path, bodies: Mapping[str, bytes], hashes: Mapping[str, Mapping[str, str]]) -> None:
    """Put new files in the place of the folder's, each at once. What is there already stays.

    Raises `ConflictError`, before anything is written, where the folder has neither the old nor the new one.
    """
    for path, known in hashes.items():
        if sha256(project_folder.read(folder, path)) not in known.values():
            raise ConflictError(
                f"{path} has changed since it was tried: it is neither what was there nor what was tried",
                hint="put it back, or try it anew",
            )
    for path, body in bodies.items():
        file = folder / path
        beside = file.with_name(f".{file.name}.new")
        beside.write_bytes(body)
        beside.chmod(file.stat().st_mode)
        beside.replace(file)


def sha256(body: bytes) -> str:
    """Return the hash of a file, in hex."""
    return hashlib.sha256(body).hexdigest()
