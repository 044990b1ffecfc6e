"""`wave diagram`: text for a page, or a picture."""

import pytest
from tests.support.small_project import write_project

from wave_runner.cli import main


@pytest.fixture
def project(tmp_path):
    return str(write_project(tmp_path / "small"))


def test_mermaid_is_printed(project, capsys):
    assert main.run(["diagram", "work", "--project", project]) == 0
    assert (
        capsys.readouterr().out
        == """\
flowchart TD
    fetch["fetch<br/>script fetch, once"]
    judge{{"judge<br/>model judge"}}
    note["note<br/>script note"]
    save["save<br/>script save"]
    end_(("end"))
    fetch -->|"each of promoted"| judge
    judge -->|"GOOD, BAD else"| save
    judge -->|"BAD if params.review"| note
    note --> save
    save --> end_
"""
    )


def test_a_picture_is_written_and_says_when_it_cannot_be(project, tmp_path, capsys):
    assert main.run(["diagram", "work", "--project", project, "--out", str(tmp_path / "work.svg")]) == 0
    assert (tmp_path / "work.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert main.run(["diagram", "work", "--project", project, "--out", str(tmp_path / "no/work.svg")]) != 0
    assert "cannot be written" in capsys.readouterr().err


def test_a_workflow_that_is_not_there_is_told_with_the_nearest(project, capsys):
    assert main.run(["diagram", "wrk", "--project", project]) == 4
    assert "work" in capsys.readouterr().err
