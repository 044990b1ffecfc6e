import uuid

import pytest

from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.project.init import init_project, templates
from wave_runner.project.load import load_project


@pytest.mark.parametrize("template", ["blank", "job_postings", "service_requests"])
def test_a_new_project_loads(tmp_path, template):
    init_project(tmp_path / "new", template)
    project = load_project(tmp_path / "new")
    assert str(uuid.UUID(project.id)) == project.id
    assert project.workflows
    assert {".wave/", ".env"} <= set((tmp_path / "new" / ".gitignore").read_text().split())
    assert not list((tmp_path / "new").rglob("__pycache__"))


def test_the_templates_are_known_by_name():
    assert templates() == ["blank", "job_postings", "service_requests"]


def test_every_project_has_an_id_of_its_own(tmp_path):
    for name in ("a", "b"):
        init_project(tmp_path / name, "blank")
    assert load_project(tmp_path / "a").id != load_project(tmp_path / "b").id


def test_an_empty_folder_may_be_there_already(tmp_path):
    init_project(tmp_path, "blank")
    assert load_project(tmp_path).name == "blank"


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConflictError, match="is not empty"):
        init_project(tmp_path, "blank")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_an_unknown_template_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(NotFoundError) as caught:
        init_project(tmp_path / "new", "job_posting")
    assert caught.value.hint == 'did you mean "job_postings"?'
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match="cannot be written"):
        init_project(tmp_path / "file" / "new", "blank")
