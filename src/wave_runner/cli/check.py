"""`wave check`: what is wrong with the project, before a run finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.main import project_dir, project_option

if TYPE_CHECKING:
    from wave_runner.core.workflow import Case, Project, Step


@click.command()
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Read the project as a run would, and list its workflows.

    \b
    wave check
    wave check --project postings --json

    The first mistake is told with its file and line, and ends the command with exit code 2.
    """
    from wave_runner.project.load import load_project

    folder = project_dir(context)
    project = load_project(folder)
    if as_json:
        output.emit("wave.check.v1", {"project": str(folder), "name": project.name, "workflows": _workflows(project)})
        return
    output.heading(f"{project.name} in {folder}: {len(project.files)} files, no mistake found")
    for workflow in _workflows(project):
        title = f"{workflow['workflow']} ({workflow['path']}, records of {workflow['collection']})"
        output.table(("step", "actor", "kind", "then"), workflow["steps"], title=title)


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
