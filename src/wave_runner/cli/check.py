"""`wave check`: what is wrong with the project, before a run finds out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option
from wave_runner.errors import ProjectError

if TYPE_CHECKING:
    from wave_runner.core.workflow import Case, Project, Step
    from wave_runner.project.load import Reading
    from wave_runner.project.mistakes import Mistake


@click.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of workflow files, for editors; check nothing.")
@click.pass_context
def check(context: click.Context, as_json: bool, schema: bool) -> None:
    """Read the whole project, its recorded cases too, and say everything that is wrong with it.

    \b
    wave check
    wave check --project postings --json

    Each finding has its file and line, a code and what to do; docs/reference/lint.md explains the codes. An error keeps
    everything from running, an objection one workflow, unless it is run with --force; a warning is for you to judge.
    The exit code is 2 if there are errors or objections.
    """
    from wave_runner.core.lint import Severity
    from wave_runner.project.case_file import check_cases
    from wave_runner.project.gold_file import check_gold
    from wave_runner.project.load import read_project

    if schema:
        _print_schema()
        return
    folder = project_dir(context)
    reading = read_project(folder)
    if reading.project is not None:  # a case that cannot be read keeps no workflow from running
        recorded = check_cases(folder, reading.project) + check_gold(folder, reading.project)
        reading = replace(reading, mistakes=reading.mistakes + recorded)
    if as_json:
        output.emit("wave.check.v1", _document(folder, reading))
    else:
        _print(folder, reading)
    if any(mistake.rule.severity is not Severity.WARNING for mistake in reading.mistakes):
        context.exit(ProjectError.exit_code)


def _print_schema() -> None:
    from wave_runner.project.workflow_schema import workflow_schema

    click.echo(json.dumps(workflow_schema(), indent=2))


def _document(folder: Path, reading: Reading) -> dict[str, Any]:
    project = reading.project
    return {
        "project": str(folder),
        "name": project.name if project else None,
        "findings": [_finding(folder, mistake) for mistake in reading.mistakes],
        "workflows": _workflows(project) if project else [],
    }


def _finding(folder: Path, mistake: Mistake) -> dict[str, Any]:
    return {
        "code": mistake.rule.code,
        "rule": mistake.rule.name,
        "severity": str(mistake.rule.severity),
        "path": _within(folder, mistake.path),
        "line": mistake.line or None,
        "message": mistake.message,
        "fix": mistake.hint or mistake.rule.fix,
        "workflow": mistake.workflow or None,
    }


def _print(folder: Path, reading: Reading) -> None:
    for mistake in reading.mistakes:
        found = _finding(folder, mistake)
        where = f"{found['path']}:{found['line']}" if found["line"] else found["path"]
        output.heading(f"{where}: {found['severity']} {found['code']} {found['rule']}: {found['message']}")
        output.heading(f"  do: {found['fix']}")
    project = reading.project
    if project is None:
        output.heading(_counted(reading.mistakes))
        return
    said = _counted(reading.mistakes) if reading.mistakes else "no mistake found"
    output.heading(f"{project.name} in {folder}: {len(project.files)} files, {said}")
    for workflow in _workflows(project):
        title = f"{workflow['workflow']} ({workflow['path']}, records of {workflow['collection']})"
        output.table(("step", "actor", "kind", "then"), workflow["steps"], title=title)


def _counted(mistakes: Sequence[Mistake]) -> str:
    """Return `2 errors, 1 warning`."""
    numbers = Counter(str(mistake.rule.severity) for mistake in mistakes)
    return ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for severity, n in numbers.items())


def _within(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _workflows(project: Project) -> list[dict[str, Any]]:
    return [
        {
            "workflow": workflow.name,
            "path": workflow.path,
            "collection": workflow.collection,
            "select": workflow.select or None,
            "params": {name: param.type for name, param in workflow.params.items()},
            "ensures": list(workflow.ensures),
            "steps": [_step(step) for step in workflow.steps.values()],
        }
        for workflow in project.workflows.values()
    ]


def _step(step: Step) -> dict[str, Any]:
    return {"step": step.name, "actor": step.actor, "kind": str(step.kind), "then": _then(step)}


def _then(step: Step) -> str:
    """Return where a step's work goes, in a few words."""
    from wave_runner.core.workflow import Choose, Each, Fork, Next, RouteOn

    match step.route:
        case Next(to=to):
            return to
        case Each(source=source, to=to):
            return f"each {source}: {to}"
        case RouteOn(on=on, cases=cases):
            return f"on {on}: {', '.join(f'{value}: {_way(case)}' for value, case in cases.items())}"
        case Choose(cases=ordered, otherwise=otherwise):
            return "; ".join([*(f"if {case.when or 'true'}: {_way(case)}" for case in ordered), f"else {otherwise}"])
        case Fork(cases=ordered):
            return f"all of {', '.join(_way(case) + (f' if {case.when}' if case.when else '') for case in ordered)}"


def _way(case: Case) -> str:
    if case.loop:
        return f"{case.to} up to {case.loop} times, then {case.otherwise}"
    return f"{case.to} or {case.otherwise}" if case.otherwise else case.to
