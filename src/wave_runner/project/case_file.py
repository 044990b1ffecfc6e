"""Read a project's recorded cases: `tests/*.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wave_runner.core.cases import ABSENT, Case, Expected
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import ActorKind, Project, Step
from wave_runner.project import folder as project_folder
from wave_runner.project.document import Section, kind
from wave_runner.project.mistakes import Mistake, Mistakes
from wave_runner.project.yaml_text import read_yaml

FOLDER = "tests"
STATES = ("completed", "failed", "quarantined", "retried", "waiting")
TOP = ("workflow", "record", "cases")
CASE = ("name", "step", "params", "record", "given", "answer", "reply", "expect")
EXPECT = ("state", "rule", "to", "output", "prompt", "writes")


def read_cases(folder: Path, project: Project) -> list[Case]:
    """Return every case of the project, by file and line. Raises ProjectError for what cannot be one."""
    return [case for path in _paths(folder) for case in _file(folder, path, project)]


def check_cases(folder: Path, project: Project) -> tuple[Mistake, ...]:
    """Return what is wrong with the files of cases, the first mistake of each."""
    mistakes = Mistakes(folder)
    for path in _paths(folder):
        with mistakes.heard():
            list(_file(folder, path, project))
    return tuple(mistakes.found)


def _paths(folder: Path) -> list[str]:
    return sorted(path for path in project_folder.paths_below(folder, FOLDER) if path.endswith((".yaml", ".yml")))


def _file(folder: Path, path: str, project: Project) -> Iterator[Case]:
    top = read_yaml(folder / path, project_folder.read(folder, path)).section().only(TOP)
    workflow = top.text("workflow")
    if workflow not in project.workflows:
        near = did_you_mean(workflow, project.workflows)
        raise top.error(f"there is no workflow `{workflow}`", "workflow", hint=near)
    cases = top.data.get("cases")
    if not isinstance(cases, list) or not cases:
        raise top.error(f"`cases` must be a list of cases, not {kind(cases)}", "cases", rule="wrong_type")
    for number in range(len(cases)):
        section = top.document.section("cases", number).only(CASE)
        yield _case(section, path, workflow, project, top.section("record").data)


def _case(section: Section, path: str, workflow: str, project: Project, record: Mapping[str, Any]) -> Case:
    steps = project.workflows[workflow].steps
    name = section.text("step")
    if name not in steps:
        raise section.error(f"{workflow} has no step `{name}`", "step", hint=did_you_mean(name, steps))
    for other in section.section("given").data:
        if other not in steps:
            raise section.error(f"{workflow} has no step `{other}`", "given", other, hint=did_you_mean(other, steps))
    _check_answer(section, steps[name])
    params = section.section("params")
    return Case(
        name=section.text("name", name),
        file=path,
        line=section.document.line((*section.at, "step")),
        workflow=workflow,
        step=name,
        params={key: _word(params.data[key]) for key in params.data},
        record={**record, **section.section("record").data},
        given=section.section("given").data,
        answer=section.data.get("answer", ABSENT),
        reply=section.text("reply", None) if "reply" in section.data else None,
        expect=_expected(section.section("expect").only(EXPECT)),
    )


def _check_answer(section: Section, step: Step) -> None:
    if step.once:
        raise section.error(f"`{step.name}` runs once per run; a case is about a record", "step")
    if "answer" in section.data and "reply" in section.data:
        raise section.error("a case has an `answer` or a `reply`, which is a model's answer as raw text", "reply")
    if step.kind is ActorKind.SQL and not isinstance(section.data.get("answer", {}), dict):
        raise section.error("the `answer` of a query is its columns by name", "answer", rule="wrong_type")
    if "reply" in section.data and step.kind is not ActorKind.AI_MODEL:
        raise section.error(f"a `reply` is what a model says, and no model does `{step.name}`", "reply")


def _expected(section: Section) -> Expected:
    state = section.text("state", "completed")
    if state not in STATES:
        raise section.error(f"there is no state {state!r:.60} here", "state", hint=did_you_mean(state, STATES))
    return Expected(
        state=state,
        rule=section.text("rule", None) if "rule" in section.data else None,
        to=section.texts("to") if "to" in section.data else None,
        output=section.data.get("output", ABSENT),
        prompt=section.texts("prompt"),
        writes=section.section("writes").data,
    )


def _word(value: Any) -> str:
    """Return a parameter as the command line would give it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
