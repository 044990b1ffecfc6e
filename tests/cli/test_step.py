"""`wave step`: everything that a runner would do with one record, and not a row more in the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_people import asking
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import COUNT, COUNT_STEP, Ground, rows, script

from wave_runner.cli import main

MODEL = """\
[servers.stub]
driver = "openai"
url = "{url}"

[models.writer]
server = "stub"
model = "stub"
options = {{api = "chat"}}
"""
STEPS = """\
write:
  model: writer
  prompt: prompts/write.md
  input: {text: record.text}
  require: size(text) > 3
  output: schemas/word.json
  route: {on: word, GOOD: save, BAD: end}
save: {actor: save, input: {word: write.word}, writes: [items.note], next: end}
"""
FILES = {
    "prompts/write.md": "One word about: {{ text }}",
    "schemas/word.json": json.dumps(
        {"type": "object", "properties": {"word": {"enum": ["GOOD", "BAD"]}}, "required": ["word"]}
    ),
}
ACTORS = {"save": script("ctx.write('items', {'note': item['word']})\nreturn {'kept': True}")}


def written(ground: Ground) -> dict[str, int]:
    """Return how many rows each table of the schema has."""
    tables = ground.sql("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return {row["tablename"]: ground.one(f"SELECT count(*) FROM {row['tablename']}") for row in tables}


def step(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    try:
        code = main.run(["step", *words, "--project", str(ground.folder)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out + said.err


def document(ground: Ground, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(step(ground, capsys, *words, "--json")[1])
    return found


def test_a_step_of_each_kind_is_done_and_nothing_is_saved(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with OpenAIStub(tmp_path / "stub", [{"json": {"word": "GOOD"}}]) as stub:
        ground.project(rows=rows(2), steps=STEPS, actors=ACTORS, files=FILES, toml=MODEL.format(url=stub.url))
        assert ground.run() == "completed"
        before = written(ground)
        asked = len(stub.requests())
        ground.write("prompts/write.md", "Say it anew: {{ text }}")  # not approved, and no matter
        code, said = step(ground, capsys, "write", "--record", "item 0001")
        assert code == 0
        assert "write on item 0001: completed" in said
        assert "  Say it anew: some words to count" in said
        assert "would go on to save (word = GOOD)" in said
        assert "nothing was saved" in said
        assert len(stub.requests()) == asked + 1
        ground.sql("UPDATE items SET note = NULL")
        saved = document(ground, capsys, "save", "--record", "item 0001")
        assert saved["input"] == {"word": "GOOD"}
        assert saved["writes"] == [{"table": "items", "values": {"note": "GOOD"}}]
        given = tmp_path / "given.json"
        given.write_text('{"write": {"word": "BAD"}}')
        other = document(ground, capsys, "save", "--record", "item 0001", "--given", str(given))
        assert other["writes"] == [{"table": "items", "values": {"note": "BAD"}}]
    assert written(ground) == before
    assert ground.one("SELECT count(*) FROM items WHERE note IS NOT NULL") == 0


def test_what_breaks_the_contract_is_told_with_the_rule(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with OpenAIStub(tmp_path / "stub", [{"json": {"word": "FINE"}}]) as stub:
        ground.project(rows=rows(1), steps=STEPS, actors=ACTORS, files=FILES, toml=MODEL.format(url=stub.url))
        ground.run()
        code, said = step(ground, capsys, "write", "--record", "item 0000")
        assert code == 1
        assert "write on item 0000: retried" in said
        assert "output_schema: $.word: the value is not one of" in said
        assert "output, which was not accepted:" in said
        asked = len(stub.requests())
        ground.sql("UPDATE items SET text = 'abc'")
        code, said = step(ground, capsys, "write", "--record", "item 0000")
        assert code == 1
        assert "write on item 0000: quarantined, no call was made" in said
        assert "require: require `size(text) > 3` does not hold" in said
        assert len(stub.requests()) == asked


def test_a_query_a_script_that_raises_and_people_are_told_apart(ground: Ground, capsys: pytest.CaptureFixture[str]):
    steps = (
        "look: {sql: sql/look.sql, input: {text: record.text}, output: schemas/any.json, next: count}\n" + COUNT_STEP
    )
    files = {"sql/look.sql": "SELECT interaction_id, key FROM wave_items", "schemas/any.json": '{"type": "object"}'}
    raising = COUNT.replace("words = len", "raise ValueError('no such luck')\n        words = len")
    ground.project(rows=rows(1), steps=steps, files=files, actors={"count": raising})
    ground.run()
    assert document(ground, capsys, "look", "--record", "item 0000")["output"] == {"key": "item 0000"}
    code, said = step(ground, capsys, "count", "--record", "item 0000")
    assert code == 1
    assert "ValueError: no such luck" in said


def test_a_step_of_people_shows_what_they_would_be_shown(ground: Ground, capsys: pytest.CaptureFixture[str]):
    asking(ground)
    ground.run()
    code, said = step(ground, capsys, "review", "--record", "item 0000")
    assert code == 0
    assert "review on item 0000: waiting, no call was made" in said
    assert '"text": "some words to count"' in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["cuont", "--record", "item 0000"], 4, "work has no step cuont"),
        (["count", "--record", "item 9"], 4, "no record of items has the key 'item 9'"),
        (["fetch", "--record", "item 0000"], 2, "fetch runs once per run"),
        (["count", "--record", "item 0000", "--workflow", "wrok"], 4, "no workflow wrok"),
        (["count"], 2, "--record"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    ground: Ground, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
):
    ground.project(rows=rows(1))
    ground.run()
    got, text = step(ground, capsys, *words)
    assert (got, said in text, "Traceback" in text) == (code, True, False), text
