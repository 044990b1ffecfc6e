"""Another version of a step: exactly what was asked for is another, and the project is read as it would be."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_project import FILES, change, write_project

from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.project.definitions import step_definition
from wave_runner.project.load import load_project
from wave_runner.project.versions import Version, sha256, with_changes, write_files

WORKFLOW = "workflows/work.yaml"
OTHER = '\n[models.other]\nserver = "local"\nmodel = "tiny"\n'


def version(folder: Path, step: str = "judge", **given: str) -> Version:
    return with_changes(folder, load_project(folder), None, step, given)


def changed(before: Version, after: Version) -> set[str]:
    """The steps that are pinned otherwise."""
    found = set()
    for name, step in before.project.workflows["work"].steps.items():
        other = after.project.workflows["work"]
        old = step_definition(before.project, before.project.workflows["work"], step)
        if old.sha256 != step_definition(after.project, other, other.steps[name]).sha256:
            found.add(name)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_project(tmp_path, {**FILES, "wave.toml": FILES["wave.toml"] + OTHER})


def test_a_prompt_a_script_and_a_model_change_their_own_step_and_no_other(folder: Path):
    (folder / "new.md").write_text("Judge it: {{ title }} {{ text }}")
    (folder / "new.py").write_text("from .tidy import tidy  # newer\n")
    own = version(folder)
    assert (own.files, own.changes) == ({}, {"with": {}, "files": {}})
    assert changed(own, version(folder, prompt="new.md")) == {"judge"}
    assert changed(own, version(folder, "save", script="new.py")) == {"save"}
    assert changed(own, version(folder, model="other")) == {"judge"}


def test_a_model_is_changed_by_one_word_of_the_file(folder: Path):
    body = version(folder, model="other").files[WORKFLOW].decode()
    assert body == FILES[WORKFLOW].replace("model: judge", "model: other")


def test_a_model_of_a_step_in_one_line_is_found_and_quotes_go_with_it(folder: Path):
    change(folder, WORKFLOW, "model: judge\n    prompt", 'model: "judge"   # the small one\n    prompt')
    body = version(folder, model="other").files[WORKFLOW].decode()
    assert "    model: other   # the small one\n" in body


def test_a_prompt_that_asks_for_what_the_step_does_not_give_is_refused(folder: Path):
    (folder / "new.md").write_text("Judge it: {{ tittle }} {{ title }} {{ text }}")
    with pytest.raises(ProjectError, match="tittle"):
        version(folder, prompt="new.md")


@pytest.mark.parametrize(
    ("workflow", "step", "said"),
    [("nothing", "judge", "no workflow nothing"), ("work", "jugde", "workflow work has no step jugde")],
)
def test_names_that_are_not_there_are_said(folder: Path, workflow: str, step: str, said: str):
    with pytest.raises(NotFoundError, match=said):
        with_changes(folder, load_project(folder), workflow, step, {})


def test_files_are_written_only_over_what_was_there_or_is_there_already(folder: Path):
    path, old, new = "prompts/judge.md", FILES["prompts/judge.md"].encode(), b"new {{ title }} {{ text }}"
    hashes = {path: {"before": sha256(old), "after": sha256(new)}}
    write_files(folder, {path: new}, hashes)
    write_files(folder, {path: new}, hashes)
    assert (folder / path).read_bytes() == new
    assert sorted(one.name for one in (folder / "prompts").iterdir()) == ["judge.md"]
    (folder / path).write_bytes(b"mine")
    with pytest.raises(ConflictError):
        write_files(folder, {path: new}, hashes)
    assert (folder / path).read_bytes() == b"mine"
