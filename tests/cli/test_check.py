"""`wave check`: the project as a run would read it."""

import json

import pytest
from tests.support.small_project import change, write_project

from wave_runner.cli import main


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "small")


def test_workflows_are_listed_with_their_steps_and_routes(project, capsys):
    assert main.run(["check", "--project", str(project)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"small in {project}: ")
    assert lines[1:4] == [
        "# work (workflows/work.yaml, records of items)",
        "step\tactor\tkind\tthen",
        "fetch\tfetch\tscript\teach promoted: judge",
    ]
    assert lines[4] == "judge\tjudge\tai_model\ton verdict: GOOD: save, BAD: note or save"
    assert lines[-1] == "save\tsave\tscript\tend"


def test_the_document_has_the_steps_too(project, capsys):
    assert main.run(["check", "--project", str(project), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "wave.check.v1"
    workflow = document["workflows"][0]
    assert workflow["params"] == {"source": "string", "review": "boolean"}
    assert workflow["ensures"] == ["record.verdict != null", "count(tags) >= 1"]
    assert [step["step"] for step in workflow["steps"]] == ["fetch", "judge", "note", "save"]


def test_a_mistake_is_told_with_file_and_line_and_exits_with_2(project, capsys):
    change(project, "workflows/work.yaml", "    actor: note\n", "    actro: note\n")
    line = (project / "workflows/work.yaml").read_text(encoding="utf-8").splitlines().index("    actro: note") + 1
    assert main.run(["check", "--project", str(project)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"error: {project}/workflows/work.yaml:{line}: " in said.err
    assert "actor" in said.err.splitlines()[-1]
