"""What a script does with staged rows, read from its text and that of its modules: nothing is run to find out."""

from __future__ import annotations

import ast

from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Project, ScriptSpec, Workflow
from wave_runner.errors import ProjectError
from wave_runner.project.manifest import ManifestError, script_files


def staging_scripts(project: Project) -> tuple[set[str], set[str]]:
    """Return the scripts that plainly stage rows, and those that may decide about some; a script may do both."""
    adding, deciding = set(), set()
    for name, script in project.scripts.items():
        for node in _nodes(project, script):
            if isinstance(node, ast.Attribute):
                if node.attr == "add" and _is_staging(node.value):
                    adding.add(name)
                elif node.attr == "decide":  # of whatever: to be wrong on this side raises no false objection
                    deciding.add(name)
    return adding, deciding


def deciding_step(project: Project, workflow: Workflow, named: str | None) -> str:
    """Return the step of a workflow that decides about staged rows. Raises `ProjectError` where none is plain."""
    deciding = staging_scripts(project)[1]
    found = [step.name for step in workflow.steps.values() if step.once and step.actor in deciding]
    if named is not None:
        if named not in found:
            raise ProjectError(
                f"{named} is no step of {workflow.name} that decides about staged rows", hint=did_you_mean(named, found)
            )
        found = [named]
    if len(found) != 1:
        raise ProjectError(
            f"{len(found)} steps of {workflow.name} decide about staged rows: {', '.join(found) or 'none'}",
            hint="name the one that is to decide: --step STEP",
        )
    earlier = {source.partition(".")[0] for ref in workflow.steps[found[0]].input.values() for source in ref.sources}
    if given := sorted(earlier & workflow.steps.keys()):
        raise ProjectError(
            f"{found[0]} reads what {', '.join(given)} gives, and nothing is fetched here",
            hint=f"a new run fetches and validates: wave run {workflow.name}",
        )
    return found[0]


def _nodes(project: Project, script: ScriptSpec) -> list[ast.AST]:
    if script.executable:
        return []  # it has no staging
    try:
        files = script_files(project.files, script)
        return [node for path, body in files.items() if path.endswith(".py") for node in ast.walk(ast.parse(body))]
    except (ManifestError, SyntaxError, ValueError, RecursionError):
        return []  # which is said where the script's imports are followed


def _is_staging(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "staging"
