"""Limits of a record and of a run: what would go beyond them is quarantined without a call, and the run ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, rows, script

from wave_runner.reports.dashboard import dashboard
from wave_runner.reports.limits import Limit

MODEL = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 3

[models.writer]
server = "stub"
model = "stub"
max_attempts = 4
cache = false
options = {{api = "chat"}}
price = {{input = 1000, output = 2000}}
"""
WRITE_AND_SAVE = """\
write: {model: writer, prompt: prompts/write.md, input: {text: record.text}, output: schemas/word.json, next: save}
save: {actor: save, input: {word: write.word}, writes: [items.note], next: end}
"""
FILES = {
    "prompts/write.md": "Say a word about: {{ text }}",
    "schemas/word.json": json.dumps(
        {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    ),
}
SAVE = {"save": script("ctx.write('items', {'note': item['word']})\nreturn {}")}
USED = {"usage": {"prompt_tokens": 30, "completion_tokens": 10}}


def limited(ground: Ground, limits: str, *, n: int, url: str = "http://127.0.0.1:9/v1", steps: str = "") -> Ground:
    texts = [{"name": f"item {number:02}", "text": f"text {number}"} for number in range(n)]
    ground.project(rows=texts, steps=steps or WRITE_AND_SAVE, actors=SAVE, files=FILES, toml=MODEL.format(url=url))
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text().replace("steps:", f"limits: {{{limits}}}\nsteps:", 1))
    return ground


def spent(ground: Ground, record_id: int = 0) -> dict[str, Any]:
    [found] = ground.sql(
        "SELECT interactions, model_calls, tokens, money FROM spending WHERE record_id = %s", record_id
    )
    return found


def test_a_run_makes_exactly_as_many_calls_as_it_may_and_ends(ground: Ground, tmp_path: Path):
    """Three requests are in flight at once; what they have paid for is saved, and the others say why they stopped."""
    with OpenAIStub(tmp_path / "stub", [{"json": {"word": "good"}, "beside": USED}]) as stub:
        limited(ground, "model_calls_per_run: 7", n=12, url=stub.url)
        assert ground.run() == "failed"
        assert len(stub.requests()) == 7
    assert ground.states("write") == {"completed": 7, "quarantined": 5}
    assert ground.states("save") == {"completed": 7, "skipped": 5}
    assert set(ground.troubles().values()) == {"limit_model_calls_per_run"}
    said = ground.one("SELECT DISTINCT error FROM interactions WHERE state = 'quarantined'")
    assert said == "model_calls_per_run is used up: 7 of 7; no call was made"
    # 40 tokens a call, 30 of them at 1,000 and 10 at 2,000 for a million: 0.05 in all, in billionths
    assert spent(ground) == {"interactions": 2 + 7 + 7, "model_calls": 7, "tokens": 280, "money": 350_000_000}


def test_a_retry_is_a_call_that_counts(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [{"text": "no word at all", "beside": USED}]) as stub:
        limited(ground, "model_calls_per_record: 2, interactions_per_record: 2", n=2, url=stub.url)
        assert ground.run() == "failed"
        assert len(stub.requests()) == 4
    assert set(ground.troubles().values()) == {"limit_model_calls_per_record"}
    assert ground.one("SELECT max(model_calls) FROM spending WHERE record_id > 0") == 2


def test_what_a_record_has_used_stops_models_and_lets_savers_save(ground: Ground, tmp_path: Path):
    more = (
        "more: {model: writer, prompt: prompts/write.md, input: {text: write.word}, output: schemas/word.json, "
        "next: keep}\nkeep: {actor: save, input: {word: more.word}, writes: [items.note], next: end}"
    )
    twice = WRITE_AND_SAVE.replace("next: end}", "next: more}") + more
    with OpenAIStub(tmp_path / "stub", [{"json": {"word": "good"}, "beside": USED}]) as stub:
        limited(ground, "money_per_record: 0.04", n=3, url=stub.url, steps=twice)
        assert ground.run() == "failed"
        assert len(stub.requests()) == 3
    assert ground.states("save") == {"completed": 3}
    assert ground.states("more") == {"quarantined": 3}
    assert set(ground.troubles().values()) == {"limit_money_per_record"}
    report = ground.do(lambda engine: dashboard(engine.database))
    assert report.limits == [Limit(name="money_per_record", used=0.05, most=0.04)]


ROUNDS = """\
again:
  actor: again
  input: {text: record.text}
  output: schemas/word.json
  on_quarantine: last
  next: {loop: again, max: 50, else: last}
last: {actor: again, input: {text: record.text}, next: end}
"""


@pytest.mark.parametrize(
    ("limits", "done", "rule"),
    [
        ("interactions_per_record: 5", 5, "limit_interactions_per_record"),
        ("chain_depth: 6", 4, "limit_chain_depth"),  # fetch, check and four rounds
    ],
)
def test_a_record_that_goes_round_and_round_stops_at_its_limit(ground: Ground, limits: str, done: int, rule: str):
    """Where it would go on after that breaks the same limit, and so the run ends."""
    ground.project(rows=rows(3), steps=ROUNDS, files=FILES, actors={"again": script("return {'word': 'again'}")})
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text().replace("steps:", f"limits: {{{limits}}}\nsteps:", 1))
    assert ground.run() == "failed"
    assert ground.states("again") == {"completed": 3 * done, "quarantined": 3}
    assert ground.states("last") == {"quarantined": 3}
    assert set(ground.troubles().values()) == {rule}
