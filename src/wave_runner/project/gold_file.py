"""Read a project's gold sets: `gold/*.yaml` and `gold/*.jsonl`, each of one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wave_runner.core.canonical import JsonError, parse_json
from wave_runner.core.gold import GoldCase, GoldSet
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import Project
from wave_runner.errors import ProjectError
from wave_runner.project import folder as project_folder
from wave_runner.project.document import Document, Section
from wave_runner.project.mistakes import Mistake, Mistakes
from wave_runner.project.yaml_text import read_yaml

FOLDER = "gold"
TOP = ("workflow", "step", "tolerance", "cases")
CASE = ("record", "input", "expected", "tolerance")
LINE = (*CASE, "workflow", "step")


def read_gold(folder: Path, project: Project, path: str) -> GoldSet:
    """Return one gold set, by its path in the project. Raises `ProjectError` with the line of what is wrong."""
    content = project_folder.read(folder, path)
    cases: tuple[GoldCase, ...]
    if path.endswith(".jsonl"):
        lines = _lines(folder / path, content)
        if not lines:
            raise ProjectError("there is no case in it", path=folder / path)
        workflow, step = _of(lines[0], project)
        for line in lines:
            if (line.text("workflow", workflow), line.text("step", step)) != (workflow, step):
                raise line.error(f"all cases of a file are of one step, and the first is of {step}", "step")
        cases = tuple(_case(line.only(LINE), {}) for line in lines)
    else:
        top = read_yaml(folder / path, content).section().only(TOP)
        workflow, step = _of(top, project)
        cases = tuple(_yaml_cases(top))
    _check_once(folder / path, cases)
    return GoldSet(path=path, workflow=workflow, step=step, cases=cases)


def check_gold(folder: Path, project: Project) -> tuple[Mistake, ...]:
    """Return what is wrong with the gold sets, the first mistake of each."""
    mistakes = Mistakes(folder)
    for path in find_gold(folder):
        with mistakes.heard():
            read_gold(folder, project, path)
    return tuple(mistakes.found)


def find_gold(folder: Path) -> list[str]:
    """Return the paths of all gold sets of a project."""
    paths = project_folder.paths_below(folder, FOLDER)
    return sorted(path for path in paths if path.endswith((".yaml", ".yml", ".jsonl")))


def _of(section: Section, project: Project) -> tuple[str, str]:
    """Return the workflow and the step that a gold set is of; the workflow need be named where there are several."""
    names = list(project.workflows)
    workflow = section.text("workflow", names[0] if len(names) == 1 else None)
    if workflow not in project.workflows:
        near = did_you_mean(workflow, names)
        raise section.error(f"there is no workflow `{workflow}`", "workflow", hint=near)
    step, steps = section.text("step"), project.workflows[workflow].steps
    if step not in steps:
        raise section.error(f"{workflow} has no step `{step}`", "step", hint=did_you_mean(step, steps))
    return workflow, step


def _yaml_cases(top: Section) -> Iterator[GoldCase]:
    cases = top.data.get("cases")
    if not isinstance(cases, list) or not cases:
        raise top.error("`cases` must be a list of cases", "cases", rule="wrong_type")
    tolerance = _tolerance(top)
    for number in range(len(cases)):
        yield _case(top.document.section("cases", number).only(CASE), tolerance)


def _case(section: Section, tolerance: Mapping[str, float]) -> GoldCase:
    if ("record" in section.data) == ("input" in section.data):
        raise section.error("a case has either a `record`, by its key, or an `input`")
    expected = section.section("expected").data
    if not expected:
        raise section.error("a case needs `expected`: the right value of one field at least", rule="missing_key")
    key = section.data.get("record")
    if "record" in section.data and (isinstance(key, bool) or not isinstance(key, str | int)):
        raise section.error("`record` must be a key", "record", rule="wrong_type")
    return GoldCase(
        line=section.document.line(section.at),
        record=str(key) if "record" in section.data else None,
        input=section.section("input").data if "input" in section.data else None,
        expected=expected,
        tolerance={**tolerance, **_tolerance(section)},
    )


def _tolerance(section: Section) -> dict[str, float]:
    found = {}
    for name, value in section.section("tolerance").data.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            message = f"the tolerance of {name} must be a number, 0 or above"
            raise section.error(message, "tolerance", name, rule="wrong_type")
        found[name] = float(value)
    return found


def _lines(path: Path, content: bytes) -> list[Section]:
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            data: Any = parse_json(line)
        except JsonError as error:
            raise ProjectError(f"the line {error}", path=path, line=number, rule="unreadable_file") from error
        if not isinstance(data, dict):
            raise ProjectError("a line must be an object", path=path, line=number, rule="wrong_type")
        found.append(Document(path, data, {(): number}).section())
    return found


def _check_once(path: Path, cases: tuple[GoldCase, ...]) -> None:
    seen: dict[str, int] = {}
    for case in cases:
        if case.record is not None and case.record in seen:
            message = f"the record {case.record} stands on line {seen[case.record]} already"
            raise ProjectError(message, path=path, line=case.line)
        if case.record is not None:
            seen[case.record] = case.line
