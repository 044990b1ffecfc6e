"""Gold sets as they are read: what each case is, and where a mistake stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_project import write_project

from wave_runner.errors import ProjectError
from wave_runner.project.gold_file import check_gold, find_gold, read_gold
from wave_runner.project.load import load_project

YAML = """\
step: judge
tolerance: {score: 5}
cases:
  - {record: 4711, expected: {verdict: GOOD, score: 90}, tolerance: {score: 1}}
  - {input: {title: t, text: a text}, expected: {verdict: BAD}}
"""
LINES = """\
{"step": "judge", "record": "4711", "expected": {"verdict": "GOOD"}}
{"record": "4712", "expected": {"why": "x"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    (tmp_path / "gold").mkdir()
    return tmp_path


def write(folder: Path, name: str, text: str) -> str:
    (folder / "gold" / name).write_text(text, encoding="utf-8")
    return f"gold/{name}"


def test_cases_are_records_or_inputs_and_a_tolerance_may_be_their_own(folder: Path):
    found = read_gold(folder, load_project(folder), write(folder, "judge.yaml", YAML))
    assert (found.workflow, found.step) == ("work", "judge")
    first, second = found.cases
    assert (first.record, first.input, first.tolerance, first.line) == ("4711", None, {"score": 1.0}, 4)
    assert (second.record, second.input, second.tolerance) == (None, {"title": "t", "text": "a text"}, {"score": 5.0})


def test_lines_of_json_are_the_same_and_blank_ones_are_passed_over(folder: Path):
    found = read_gold(folder, load_project(folder), write(folder, "judge.jsonl", f"\n{LINES}\n"))
    assert [(case.record, case.line) for case in found.cases] == [("4711", 2), ("4712", 3)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no case in it"),
        ("{}\n", "needs `step`"),
        ("[]\n", "gold/x.jsonl:1: a line must be an object"),
        (LINES + "{", "gold/x.jsonl:3: the line"),
        (LINES + '{"record": "1", "expected": {"n": 1}, "step": "note"}\n', "gold/x.jsonl:3: all cases"),
        (LINES + '{"record": "4711", "expected": {"n": 1}}\n', "gold/x.jsonl:3: the record 4711 stands on line 1"),
        (LINES + '{"record": true, "expected": {"n": 1}}\n', "`record` must be a key"),
        (LINES + '{"record": "9", "expect": {"n": 1}}\n', "unknown key `expect`"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_number(folder: Path, text: str, said: str):
    path = write(folder, "x.jsonl", text)
    with pytest.raises(ProjectError) as raised:
        read_gold(folder, load_project(folder), path)
    assert said in str(raised.value)


def test_all_sets_are_found_and_checked_with_the_project(folder: Path):
    write(folder, "judge.yaml", YAML)
    write(folder, "other.yml", "step: nobody\ncases: []\n")
    write(folder, "notes.md", "no gold\n")
    assert find_gold(folder) == ["gold/judge.yaml", "gold/other.yml"]
    [mistake] = check_gold(folder, load_project(folder))
    assert (mistake.path.name, mistake.line, mistake.message) == ("other.yml", 1, "work has no step `nobody`")
