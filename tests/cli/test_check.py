"""`wave check`: the project as a run would read it."""

import json
import shutil
from pathlib import Path

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


def test_everything_that_is_wrong_is_told_at_once_with_file_line_code_and_what_to_do(project, capsys):
    change(project, "workflows/work.yaml", "{verdict: judge.verdict, why", "{verdict: judge.verdit, why")
    change(project, "workflows/work.yaml", "    require: size(text) >= 10\n", "    require: size(txt) >= 10\n")
    change(project, "schemas/note.json", '"type": "object"', '"type": "objekt"')
    lines = (project / "workflows/work.yaml").read_text(encoding="utf-8").splitlines()
    txt, verdit = (1 + next(n for n, line in enumerate(lines) if word in line) for word in ("txt", "verdit"))
    assert main.run(["check", "--project", str(project)]) == 2
    said = capsys.readouterr().out.splitlines()
    assert [line.partition("`")[0].rstrip() for line in said[::2]] == [
        "schemas/note.json:1: error W107 bad_schema: this is no JSON Schema: $.type: the value is not valid under any "
        """of the schemas listed in the 'anyOf' keyword ("objekt")""",
        f"workflows/work.yaml:{txt}: error W302 undefined_variable:",
        f"workflows/work.yaml:{verdit}: error W303 undefined_field: input",
        "3 errors",
    ]
    assert said[3] == '  do: did you mean "text"?'


def test_the_document_of_a_broken_project_has_the_findings(project, capsys):
    change(project, "workflows/work.yaml", "    actor: note\n", "    actro: note\n")
    line = (project / "workflows/work.yaml").read_text(encoding="utf-8").splitlines().index("    actro: note") + 1
    assert main.run(["check", "--project", str(project), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["workflows"] == []
    [finding] = document["findings"]
    assert finding == {
        "code": "W102",
        "rule": "unknown_key",
        "severity": "error",
        "path": "workflows/work.yaml",
        "line": line,
        "message": "unknown key `actro` in `steps.note`",
        "fix": 'did you mean "actor"?',
        "workflow": None,
    }


def test_a_warning_is_told_and_does_not_fail_the_check(project, capsys):
    (project / "prompts/old.md").write_text("Nobody names this.\n")
    assert main.run(["check", "--project", str(project)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "prompts/old.md: warning W604 unused_file: no workflow names this file"
    assert said[2].endswith(" files, 1 warning")


def test_what_a_model_makes_for_nothing_is_an_objection(project, capsys):
    broken = Path(__file__).parents[1] / "data/broken-workflows/30-unsaved-output.yaml"
    shutil.copy(broken, project / "workflows/work.yaml")
    assert main.run(["check", "--project", str(project)]) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "workflows/work.yaml:5: objection W601 unsaved_output: the output of `judge` (`verdict`, `why`) reaches no "
        "step that writes, and decides nothing"
    )
    assert said[-5].endswith("files, 1 objection")


def test_a_case_that_names_what_is_not_there_is_told_with_its_line_file_by_file(project, capsys):
    case = "workflow: work\ncases:\n  - {step: STEP, expect: {to: end}}\n"
    (project / "tests").mkdir()
    (project / "tests/first.yaml").write_text(case.replace("STEP", "savee"), encoding="utf-8")
    (project / "tests/second.yaml").write_text(
        case.replace("expect", "expct").replace("STEP", "save"), encoding="utf-8"
    )
    assert main.run(["check", "--project", str(project)]) == 2
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("tests/")]
    assert [line.partition(": ")[0] for line in said] == ["tests/first.yaml:3", "tests/second.yaml:3"]
    assert "work has no step `savee`" in said[0]
    assert "expct" in said[1]
