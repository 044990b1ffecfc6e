"""A document of 160 kB goes all the way whole: staging, record, prompt, script, an answer as long, a saved column."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

from wave_runner.cli import main

STEPS = """\
translate:
  model: translator
  prompt: prompts/translate.md
  input: {text: record.text}
  output: schemas/translation.json
  next: keep
keep:
  actor: keep
  input: {text: record.text, translation: translate.translation}
  writes: [items.translation, items.letters]
  next: end
"""
KEEP = """\
from wave_runner import ScriptActor


class Keep(ScriptActor):
    def process(self, item, ctx):
        ctx.write("items", {"translation": item["translation"], "letters": len(item["text"])})
        return {"both": item["text"] + item["translation"]}
"""
TABLES = """\
CREATE TABLE items (
    item_id bigint PRIMARY KEY REFERENCES records (record_id), name text NOT NULL UNIQUE, text text NOT NULL,
    translation text, letters integer
);
CREATE TABLE tags (item_id bigint);
"""
SERVER = """\
[servers.stub]
driver = "openai"
url = "{url}"

[models.translator]
server = "stub"
model = "stub"
max_attempts = 1
options = {{api = "chat"}}
"""
TRANSLATION = '{"type": "object", "properties": {"translation": {"type": "string"}}, "required": ["translation"]}'


def words(seed: int, size: int) -> str:
    """Return a text of so many bytes that no guard takes for a repetition, and that is not ASCII alone."""
    source = random.Random(seed)
    text = " ".join(source.randbytes(4).hex() + source.choice(("", "é", "ß", "漢", "🌊")) for _ in range(size // 10))
    return text.encode()[:size].decode("utf-8", "ignore").strip()


@pytest.fixture
def stub(tmp_path: Path):
    with OpenAIStub(tmp_path / "stub") as running:
        yield running


def test_a_document_of_160_kb_goes_through_whole_with_an_answer_as_long(ground: Ground, stub: OpenAIStub, capsys):
    document, translation = words(1, 160_000), words(2, 160_000)
    stub.answer_with({"json": {"translation": translation}})
    ground.project(
        rows=[{"name": "report", "text": document}],
        tables=TABLES,
        steps=STEPS,
        actors={"keep": KEEP},
        toml=SERVER.format(url=stub.url),
        files={"prompts/translate.md": "Translate: {{ text }}", "schemas/translation.json": TRANSLATION},
        ensures=["record.translation != record.text", "record.letters > 100000"],
    )
    assert ground.run() == "completed"
    assert ground.sql("SELECT raw ->> 'text' AS text FROM staged_records") == [{"text": document}]
    assert ground.sql("SELECT text, translation, letters FROM items") == [
        {"text": document, "translation": translation, "letters": len(document)}
    ]
    [asked] = stub.requests()
    assert f"Translate: {document}" in json.dumps(asked["body"], ensure_ascii=False)
    outputs = ground.sql("SELECT output FROM interactions WHERE record_id IS NOT NULL ORDER BY interaction_id")
    assert json.loads(outputs[0]["output"]) == {"translation": translation}
    assert json.loads(outputs[1]["output"]) == {"both": document + translation}
    assert main.run(["--project", str(ground.folder), "trace", "report"]) == 0
    shown = capsys.readouterr().out
    assert "the chain is unbroken" in shown
    assert len(shown) < 10_000
