"""The files that a workflow names, read as what they must be: schemas and prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wave_runner.core.canonical import parse_json
from wave_runner.core.contract import OutputContract, SchemaError
from wave_runner.core.lint import Finding
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Step, Workflow
from wave_runner.errors import ProjectError
from wave_runner.project.document import At, Document
from wave_runner.project.mistakes import Mistakes
from wave_runner.project.templates import PromptError, read_prompt


def schemas(workflow: Workflow, files: Mapping[str, bytes], document: Document, mistakes: Mistakes) -> dict[str, Any]:
    """Return the schema of each path that an `output` names, as far as they can be read."""
    found: dict[str, Any] = {}
    for step in workflow.steps.values():
        if step.output and step.output not in found:
            with mistakes.heard():
                key = "output" if step.asking is None else "form"
                content = named_file(step.output, ("steps", step.name, key), files, document)
                found[step.output] = _schema(mistakes.folder / step.output, content)
    return found


def prompts(
    workflow: Workflow, files: Mapping[str, bytes], document: Document, mistakes: Mistakes
) -> dict[str, frozenset[str]]:
    """Return the variables of each prompt that a step names, as far as they can be read."""
    found: dict[str, frozenset[str]] = {}
    for step in workflow.steps.values():
        if step.prompt:
            with mistakes.heard():
                content = named_file(step.prompt, ("steps", step.name, "prompt"), files, document)
                found[step.prompt] = _variables(mistakes.folder / step.prompt, content, step)
    return found


def titles(workflow: Workflow, document: Document, mistakes: Mistakes) -> dict[str, frozenset[str]]:
    """Return the variables of each step's title, by the step's name, as far as they can be read."""
    found: dict[str, frozenset[str]] = {}
    for step in workflow.steps.values():
        if step.asking is not None:
            at = ("steps", step.name, "title")
            try:
                prompt = read_prompt(step.asking.title.encode())
            except PromptError as error:
                mistakes.add(document, Finding(rule="bad_prompt", at=at, message=f"the title: {error}"))
                continue
            found[step.name] = prompt.names
            for name in sorted(prompt.braced & step.input.keys()):
                message = f"`{{{name}}}` would stand in the title as plain text"
                hint = f"write {{{{ {name} }}}}"
                mistakes.add(document, Finding(rule="bad_prompt", at=at, message=message, hint=hint))
    return found


def named_file(path: str, at: At, files: Mapping[str, bytes], document: Document) -> bytes:
    """Return a file of the project; raises ProjectError with the nearest that is there."""
    if path in files:
        return files[path]
    under = path.partition("/")[0] + "/"
    near = did_you_mean(path, (known for known in files if known.startswith(under)))
    raise document.error(at, f"there is no file {path} in the project", near, rule="unknown_file")


def _schema(path: Path, content: bytes) -> Any:
    try:
        OutputContract(content)
    except SchemaError as error:
        line = _schema_line(content, error)
        raise ProjectError(f"this is no JSON Schema: {error}", path=path, line=line, rule="bad_schema") from error
    return parse_json(content)


def _schema_line(content: bytes, error: SchemaError) -> int:
    """Return the line that the JSON reader names, or that of the key where the way to the mistake ends."""
    if named := re.search(r" at line (\d+) column ", str(error)):
        return int(named[1])
    end = 0
    for key in error.at:
        end = max(content.find(f'"{key}"'.encode(), end), end)
    return content[:end].count(b"\n") + 1


def _variables(path: Path, content: bytes, step: Step) -> frozenset[str]:
    try:
        prompt = read_prompt(content)
    except PromptError as error:
        raise ProjectError(str(error), path=path, line=error.line, rule="bad_prompt") from error
    for name in sorted(prompt.braced & step.input.keys()):
        line = next(n for n, text in enumerate(content.decode().splitlines(), 1) if name in text and "{" in text)
        message, hint = f"`{{{name}}}` would stand in the prompt as plain text", f"write {{{{ {name} }}}}"
        raise ProjectError(message, path=path, line=line, hint=hint, rule="bad_prompt")
    return prompt.names
