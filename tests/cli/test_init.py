"""`wave init`: a project from a template, and nothing else touched."""

import json

from wave_runner.cli import main


def test_a_new_project_passes_its_own_check(tmp_path, capsys):
    folder = tmp_path / "words"
    assert main.run(["init", str(folder), "--template", "blank"]) == 0
    said = capsys.readouterr().out
    assert f"  cd {folder}\n" in said
    assert "  wave run count\n" in said
    assert not (folder / ".wave").exists()
    assert main.run(["--project", str(folder), "check"]) == 0


def test_the_first_template_is_job_postings(tmp_path, capsys):
    assert main.run(["init", str(tmp_path / "postings"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["template"]) == ("wave.init.v1", "job_postings")
    assert document["workflows"] == ["job_postings", "postings_graded"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").write_text("keep", encoding="utf-8")
    assert main.run(["init", str(tmp_path)]) == 5
    assert f"error: {tmp_path} is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_template_that_is_not_there_gets_the_nearest_one(tmp_path, capsys):
    assert main.run(["init", str(tmp_path / "new"), "--template", "blnk"]) == 4
    assert 'did you mean "blank"?' in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
