import hashlib

import pytest
from tests.support.small_project import FILES, change, write_project

from wave_runner.core.pinned import read_step
from wave_runner.core.workflow import DefinitionKind
from wave_runner.errors import NotFoundError
from wave_runner.project.definitions import (
    actor_definition,
    definitions,
    read_actor,
    read_script,
    script_definition,
    step_definition,
)
from wave_runner.project.load import load_project


def sha256(path: str) -> str:
    return hashlib.sha256(FILES[path].encode()).hexdigest()


def addresses(folder) -> dict[tuple[str, str], bytes]:
    return {(one.kind.value, one.name): one.sha256 for one in definitions(load_project(folder))}


def changed_by(folder, path: str, old: str, new: str) -> set[tuple[str, str]]:
    before = addresses(folder)
    change(folder, path, old, new)
    after = addresses(folder)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_everything_of_a_project_has_an_address(tmp_path):
    found = addresses(write_project(tmp_path))
    kinds = {kind for kind, _ in found}
    assert kinds == {kind.value for kind in DefinitionKind}
    assert {name for kind, name in found if kind == "step"} == {"work.fetch", "work.judge", "work.note", "work.save"}
    assert {name for kind, name in found if kind == "actor"} == {"fetch", "judge", "note", "save"}


def test_the_same_folder_gives_the_same_definitions(tmp_path):
    folder = write_project(tmp_path / "a")
    again = write_project(tmp_path / "b", dict(reversed(FILES.items())))
    assert definitions(load_project(folder)) == definitions(load_project(again))


def test_a_script_s_manifest_names_every_file_it_runs_with(tmp_path):
    project = load_project(write_project(tmp_path, FILES | {"requirements.txt": "a==1\n"}))
    manifest = read_script(script_definition(project, "save").body)
    shared = ["actors/__init__.py", "actors/save.py", "actors/shared/__init__.py", "actors/tidy.py", "sql/look_up.sql"]
    assert manifest.files == {path: sha256(path) for path in shared}
    assert (manifest.entry, manifest.executable) == ("actors/save.py", False)
    assert len(manifest.lock) == 64


def test_an_actor_is_its_settings_and_its_files(tmp_path):
    project = load_project(write_project(tmp_path))
    model = read_actor(actor_definition(project, "judge").body)
    assert model.settings["options"] == {"temperature": 0.5}
    assert model.files == {path: sha256(path) for path in ("prompts/judge.md", "schemas/verdict.json")}
    script = read_actor(actor_definition(project, "note").body)
    assert "actors/shared/words.py" in script.files
    with pytest.raises(NotFoundError):
        actor_definition(project, "nobody")


def test_a_step_pins_what_it_is_done_with(tmp_path):
    project = load_project(write_project(tmp_path))
    workflow = project.workflows["work"]
    judge = read_step(step_definition(project, workflow, workflow.steps["judge"]).body)
    assert judge.model == project.models["judge"]
    assert judge.script is None
    assert judge.prompt_sha256 == sha256("prompts/judge.md")
    assert judge.output_sha256 == sha256("schemas/verdict.json")
    assert judge.step.input == workflow.steps["judge"].input
    assert judge.step.route == workflow.steps["judge"].route
    assert judge.ensures == ("record.verdict != null", "count(tags) >= 1")
    assert judge.collection == project.collections["items"]
    save = read_step(step_definition(project, workflow, workflow.steps["save"]).body)
    assert save.script == project.scripts["save"]
    assert save.script_sha256 == script_definition(project, "save").sha256.hex()


def test_a_shared_module_changes_every_script_that_uses_it_and_no_other(tmp_path):
    found = changed_by(write_project(tmp_path), "actors/shared/words.py", "()", "(1,)")
    assert found == {
        ("file", "actors/shared/words.py"),
        ("script", "note"),
        ("actor", "note"),
        ("step", "work.note"),
    }


def test_a_prompt_changes_its_model_and_its_step(tmp_path):
    found = changed_by(write_project(tmp_path), "prompts/judge.md", "Judge this", "Judge that")
    assert found == {("prompt", "prompts/judge.md"), ("actor", "judge"), ("step", "work.judge")}


def test_a_model_s_options_change_its_actor_and_its_step(tmp_path):
    found = changed_by(write_project(tmp_path), "wave.toml", "temperature = 0.5", "temperature = 0.6")
    assert found == {("model", "judge"), ("actor", "judge"), ("step", "work.judge")}


def test_the_lock_file_changes_every_script(tmp_path):
    folder = write_project(tmp_path, FILES | {"pylock.toml": "lock-version = '1.0'\n"})
    found = changed_by(folder, "pylock.toml", "1.0", "1.1")
    assert {name for kind, name in found if kind == "actor"} == {"fetch", "note", "save"}


def test_a_comment_in_the_workflow_file_changes_no_step(tmp_path):
    found = changed_by(write_project(tmp_path), "workflows/work.yaml", "steps:\n", "# a comment\n\nsteps:\n")
    assert found == {("workflow", "workflows/work.yaml")}
