"""`wave test`: recorded cases, told apart by what a run would make of them, without a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_people import asking
from tests.support.projects import COUNT, COUNT_STEP, Ground, script
from tests.test_reference import rows as table
from tests.test_reference import section

from wave_runner.cli import main
from wave_runner.project import case_file
from wave_runner.project.init import init_project, templates

STEPS = (
    """\
write:
  {model: writer, prompt: prompts/write.md, input: {text: record.text}, output: schemas/word.json, next: look}
look: {sql: sql/look.sql, input: {word: write.word}, output: schemas/any.json, writes: [items.note], next: count}
"""
    + COUNT_STEP
)
FILES = {
    "prompts/write.md": "One word about: {{ text }}",
    "schemas/word.json": json.dumps(
        {"type": "object", "properties": {"word": {"enum": ["GOOD", "BAD"]}}, "required": ["word"]}
    ),
    "schemas/any.json": '{"type": "object"}',
    "sql/look.sql": "SELECT interaction_id FROM wave_items",
}
MODEL = (
    '[servers.stub]\ndriver = "openai"\nurl = "http://127.0.0.1:9/v1"\n[models.writer]\nserver = "stub"\nmodel = "x"\n'
)


def judged(ground: Ground, capsys: pytest.CaptureFixture[str], *cases: dict[str, Any]) -> list[list[str]]:
    """Write these cases, and return the differences of each."""
    ground.write("tests/all.yaml", json.dumps({"workflow": "work", "record": {"text": "two words"}, "cases": cases}))
    code, document = run(ground, capsys, "--json")
    found = json.loads(document)
    assert code == int(found["failed"] > 0)
    assert found["total"] == len(cases)
    return [one["differences"] for one in found["rows"]]


def run(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    try:
        code = main.run(["test", *words, "--project", str(ground.folder)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out or said.err


@pytest.mark.parametrize("template", templates())
def test_the_cases_of_every_template_hold(template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    init_project(tmp_path / "p", template)
    with pytest.raises(SystemExit) as ended:
        main.run(["test", "--project", str(tmp_path / "p"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (ended.value.code, found["failed"]) == (0, 0), found
    assert found["total"] >= 2
    assert not (tmp_path / "p/.wave/postgres").exists()


def test_what_each_kind_of_actor_gives_is_checked_and_routed_as_in_a_run(
    ground: Ground, capsys: pytest.CaptureFixture[str]
):
    ground.project(steps=STEPS, files=FILES, toml=MODEL)
    assert judged(
        ground,
        capsys,
        {"step": "write", "answer": {"word": "GOOD"}, "expect": {"to": "look", "prompt": "two words"}},
        {"step": "write", "reply": '{"word": "BAD"}', "expect": {"output": {"word": "BAD"}}},
        {"step": "write", "reply": '{"word": "FINE"}', "expect": {"state": "retried", "rule": "output_schema"}},
        {"step": "write", "record": {"text": None}, "expect": {"state": "quarantined"}},
        {
            "step": "look",
            "given": {"write": {"word": "GOOD"}},
            "answer": {"items.note": "seen", "n": 1},
            "expect": {"to": "count", "output": {"n": 1}, "writes": {"items.note": "seen"}},
        },
        {"step": "count", "expect": {"to": "end", "output": {"words": 2}, "writes": {"items.words": 2}}},
    ) == [[], [], [], [], [], []]


def test_what_is_not_as_expected_is_said_part_by_part(ground: Ground, capsys: pytest.CaptureFixture[str]):
    ground.project(steps=STEPS, files=FILES, toml=MODEL)
    assert judged(
        ground,
        capsys,
        {
            "step": "write",
            "answer": {"word": "GOOD"},
            "expect": {"to": "count", "prompt": "three", "output": {"word": "BAD"}},
        },
        {"step": "write", "answer": {"word": "X"}, "expect": {}},
        {"step": "write", "expect": {}},
        {"step": "count", "expect": {"state": "quarantined", "writes": {"items.words": True, "tags": []}}},
    ) == [
        [
            "to: expected count, found look",
            "output.word: expected 'BAD', found 'GOOD'",
            "prompt: expected to hold 'three'",
        ],
        [
            "state: expected completed, found retried (output_schema: $.word: the value is not one of"
            ' "GOOD" or "BAD" ("X"))'
        ],
        ["`write` is done by a model: the case needs its `answer`"],
        [
            "state: expected quarantined, found completed",
            "writes.items.words: expected True, found 2",
            "writes.tags: expected [], found nothing",
        ],
    ]


def test_people_wait_or_give_an_answer_and_a_script_has_no_database(ground: Ground, capsys: pytest.CaptureFixture[str]):
    asking(ground)
    ground.write("actors/save.py", script("return {'n': ctx.db.query('SELECT 1 AS n')}", options="database = True"))
    assert judged(
        ground,
        capsys,
        {"step": "review", "expect": {"state": "waiting"}},
        {"step": "review", "answer": {"verdict": "GOOD"}, "expect": {"to": "save"}},
        {"step": "review", "answer": {"verdict": "BAD"}, "expect": {"state": "quarantined", "rule": "accept"}},
    ) == [[], [], []]
    ground.project(actors={"count": COUNT.replace("words = len", "ctx.db.query('SELECT 1')\n        words = len")})
    [[said]] = judged(ground, capsys, {"step": "count", "expect": {}})
    assert "state: expected completed, found" in said


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("workflow: wrok\ncases: []\n", 1, "no workflow `wrok`"),
        ("workflow: work\ncases:\n- step: cuont\n", 3, "no step `cuont`"),
        ("workflow: work\ncases:\n- step: count\n  answr: 1\n", 4, "unknown key `answr`"),
        ("workflow: work\ncases:\n- step: count\n  reply: x\n", 4, "no model does `count`"),
        ("workflow: work\ncases:\n- step: fetch\n", 3, "runs once per run"),
        ("workflow: work\ncases:\n- step: count\n  expect: {state: done}\n", 4, "no state 'done'"),
        ("workflow: work\ncases: []\n", 2, "must be a list of cases"),
    ],
)
def test_a_case_that_cannot_be_one_is_told_with_its_line(
    ground: Ground, capsys: pytest.CaptureFixture[str], text: str, line: int, said: str
):
    ground.project()
    ground.write("tests/one.yaml", text)
    code, told = run(ground, capsys)
    assert code == 2
    assert f"tests/one.yaml:{line}: " in told
    assert said in told


def test_a_project_without_cases_is_not_called_tested(ground: Ground, capsys: pytest.CaptureFixture[str]):
    ground.project()
    code, told = run(ground, capsys)
    assert (code, told.startswith("error: no case in")) == (4, True)


def test_the_page_names_every_key_of_a_case():
    cases = section("cases.md", "Cases")
    assert {name for name, *_ in table(cases)} == {*case_file.CASE, *case_file.EXPECT}
