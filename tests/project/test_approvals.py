"""Which approval covers what a run has pinned: found by content, as of the time when it was pinned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.small_project import change, write_project

from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.core.workflow import Project
from wave_runner.project.approvals import Approval, approval_of
from wave_runner.project.definitions import (
    ScriptManifest,
    actor_definition,
    read_actor,
    read_script,
    script_definition,
    step_definition,
)
from wave_runner.project.load import load_project

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def approved(project: Project, actor: str, at: datetime = NOON) -> Approval:
    definition = actor_definition(project, actor)
    return Approval(
        sha256=definition.sha256.hex(), approved_at=at, approved_by="ann", manifest=read_actor(definition.body)
    )


def pinned(project: Project, step: str) -> PinnedStep:
    workflow = project.workflows["work"]
    return read_step(step_definition(project, workflow, workflow.steps[step]).body)


def script_of(project: Project, step: str) -> ScriptManifest | None:
    one = project.workflows["work"].steps[step]
    return read_script(script_definition(project, one.actor).body) if one.actor in project.scripts else None


def covered(project: Project, step: str, *approvals: Approval, by: datetime = NOON + HOUR) -> Approval | None:
    return approval_of(pinned(project, step), approvals, script=script_of(project, step), by=by)


@pytest.mark.parametrize("step", ["judge", "save", "fetch"])
def test_what_was_approved_as_it_was_pinned_covers_it(folder: Path, step: str):
    project = load_project(folder)
    approval = approved(project, step)
    assert covered(project, step, approval) == approval


@pytest.mark.parametrize(
    ("step", "path", "old", "new"),
    [
        ("judge", "prompts/judge.md", "Judge this.", "Judge that."),
        ("judge", "schemas/verdict.json", "80", "90"),
        ("judge", "wave.toml", "temperature = 0.5", "temperature = 0.6"),
        ("judge", "wave.toml", 'model = "tiny"', 'model = "tinier"'),
        ("save", "actors/tidy.py", "text.strip()", "text"),
        ("save", "wave.toml", "timeout_s = 5", "timeout_s = 6"),
        ("save", "sql/look_up.sql", "SELECT 1", "SELECT 2"),
    ],
)
def test_what_is_approved_as_anything_else_does_not(folder: Path, step: str, path: str, old: str, new: str):
    before = approved(load_project(folder), step)
    change(folder, path, old, new)
    project = load_project(folder)
    assert covered(project, step, before) is None
    after = approved(project, step)
    assert covered(project, step, before, after) == after


def test_what_was_approved_afterwards_does_not_and_of_several_the_newest_does(folder: Path):
    project = load_project(folder)
    early, late = approved(project, "save", NOON - HOUR), approved(project, "save", NOON)
    assert covered(project, "save", early, late) == late
    assert covered(project, "save", early, late, by=NOON - HOUR) == early
    assert covered(project, "save", late, by=NOON - HOUR) is None


def test_an_actor_of_another_kind_and_a_script_whose_files_are_not_known_are_not_covered(folder: Path):
    project = load_project(folder)
    assert covered(project, "save", approved(project, "judge")) is None
    assert approval_of(pinned(project, "save"), [approved(project, "save")], script=None, by=NOON) is None
