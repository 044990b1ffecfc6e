"""Workflows, each broken at one place, which a comment with the code marks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.support.small_project import FILES, write_project

from wave_runner.cli import main
from wave_runner.core.lint import RULES

BROKEN = sorted((Path(__file__).parents[1] / "data/broken-workflows").glob("*.yaml"))
MARK = re.compile(r"# (W\d{3})$")

VERDICT = {
    "type": "object",
    "properties": {"verdict": {"enum": ["GOOD", "BAD"]}, "why": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["verdict"],
}
TYPED = """\
import pydantic
from wave_runner import ScriptActor


class Typed(ScriptActor):
    class Input(pydantic.BaseModel):
        verdict: str
        parts: list[str] = []
        score: int | None = None

    def process(self, item, ctx):
        return {}
"""
STAGE_ONLY = """\
from wave_runner import ScriptActor


class StageOnly(ScriptActor):
    staging = True

    def process(self, item, ctx):
        return {"staged": ctx.staging.add([{"raw": {"key": "a"}, "source": "here"}])}
"""
RENTED = """
[models.rented]
server = "local"
model = "tiny"
options = {max_tokens = 100}
price = {second = 0.001}
"""
MORE = {
    "wave.toml": FILES["wave.toml"] + RENTED,
    "actors/stage_only.py": STAGE_ONLY,
    "actors/typed.py": TYPED,
    "schemas/verdict.json": json.dumps(VERDICT),
    "schemas/chatty.json": json.dumps({**VERDICT, "properties": {**VERDICT["properties"], "mood": {"type": "string"}}}),
    "schemas/parts.json": '{"type": "object", "properties": {"parts": {"type": "array"}}}',
}
UNREAD = {"W603", "W604", "W605"}  # the files that the cases share are not all used by each of them


def marked(file: Path) -> list[tuple[int, str]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [(number, found[1]) for number, line in enumerate(lines, start=1) if (found := MARK.search(line))]


def found_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[int, str]]:
    main.run(["check", "--project", str(folder), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [(one["line"], one["code"]) for one in findings if one["path"] == "workflows/work.yaml"]


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_the_check_names_the_rule_and_the_line(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    project = write_project(tmp_path, FILES | MORE | {"workflows/work.yaml": file.read_text(encoding="utf-8")})
    [wanted] = marked(file)
    found = found_in(project, capsys)
    assert wanted in found
    assert [one for one in found if one != wanted and one[1] not in UNREAD] == []


def test_there_are_at_least_thirty_and_they_know_many_rules():
    assert len(BROKEN) >= 30
    codes = {code for file in BROKEN for _, code in marked(file)}
    assert len(codes) >= 30
    assert codes <= {rule.code for rule in RULES.values()}
