"""L: one model turns out to be bad after everything is done; exactly its results are redone, and nothing else.

In the first Wave Runner that took twelve fixes by hand and eight hours, and ended it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import warm
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, script
from tests.support.selecting import TOML, run, selecting

RECORDS, BAD = 2000, 454
PATIENCE_S = 400  # many times what it takes where nothing else goes on
STEPS = """\
summarise:
  {model: writer, prompt: prompts/summarise.md, input: {text: record.text}, output: schemas/summary.json, next: save}
save: {actor: save, input: {summary: summarise.summary}, writes: [items.note], next: count}
count: {actor: count, input: {text: record.note}, writes: [items.words], next: end}
"""
WRITER = (
    '[servers.stub]\ndriver = "openai"\nurl = "{url}"\nslots = 8\n[models.writer]\nserver = "stub"\nmodel = "{model}"\n'
)
SUMMARY = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
FILES = {
    "prompts/summarise.md": "Summarise.\n{{ text }}",
    "schemas/summary.json": json.dumps(SUMMARY),
    "actors/save.py": script("ctx.write('items', {'note': item['summary']})\nreturn {}"),
}
RULES = [
    {"model": "bad", "match": r"T(\d{4})", "json": {"summary": "somebody else's T9999"}},
    {"model": "good", "match": r"T(\d{4})", "text": '{"summary": "T\\1 in short"}'},
]
EVENTS = (
    "SELECT c.key, count(*) AS n, max(e.event_id) AS newest FROM interaction_events e "
    "JOIN interactions i USING (run_id, interaction_id) JOIN records c USING (record_id) GROUP BY 1"
)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[OpenAIStub]:
    with OpenAIStub(tmp_path / "stub", RULES, models=["bad", "good"]) as running:
        yield running


def wave(ground: Ground, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, *words]
    return warm.wave(*command, env=os.environ, timeout=600)


def document(ground: Ground, *words: str) -> dict[str, Any]:
    done = wave(ground, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def notes(ground: Ground) -> dict[str, str]:
    return {row["name"]: row["note"] for row in ground.sql("SELECT name, note FROM items")}


def told(ground: Ground) -> dict[str, tuple[int, int]]:
    return {row["key"]: (row["n"], row["newest"]) for row in ground.sql(EVENTS)}


def work(ground: Ground) -> None:
    while ground.one("SELECT count(*) FROM workflow_runs WHERE state = 'running'"):
        done = wave(ground, "run", "work", "--resume")
        assert done.returncode == 0, done.stderr


@pytest.mark.timeout(900)
def test_regression_l_a_bad_model_found_later_is_one_command_and_exactly_its_records(ground: Ground, stub: OpenAIStub):
    toml = TOML + WRITER.format(url=stub.url, model="bad")
    selecting(ground, steps=STEPS, toml=toml, files=FILES, ensures=["record.note != null", "record.words != null"])
    ground.sql(
        "INSERT INTO items (name, text) SELECT format('item %%s', g), 'of T' || to_char(g, 'FM0000') "
        "FROM generate_series(1, %s) AS g",
        RECORDS,
    )
    assert run(ground, patience_s=PATIENCE_S, limit=BAD) == "completed"
    ground.write("wave.toml", TOML + WRITER.format(url=stub.url, model="good"))
    ground.do(lambda engine: engine.approve("writer"))
    assert run(ground, patience_s=PATIENCE_S) == "completed"
    wrong = {name for name, note in notes(ground).items() if "T9999" in note}
    assert len(wrong) == BAD
    before, values = told(ground), notes(ground)
    chosen = ("rerun", "--workflow", "work", "--from", "summarise", "--where", f"model_digest:name:{stub.url[:-3]}/bad")

    preview = document(ground, *chosen)["preview"]
    assert (preview["records"], preview["redone"], preview["calls"]) == (BAD, BAD, BAD)
    assert {share["step"]: share["interactions"] for share in preview["steps"]} == dict.fromkeys(
        ("summarise", "save", "count"), BAD
    )
    assert preview["columns"] == ["items.note", "items.words"]
    assert told(ground) == before, "a preview changes nothing"

    done = wave(ground, *chosen, "--reason", "it invents", "--yes", "--expect", str(BAD))
    assert done.returncode == 0, done.stderr
    work(ground)
    after = told(ground)
    assert {name for name in after if after[name] != before[name]} == wrong
    assert notes(ground) == {f"item {n}": f"T{n:04} in short" for n in range(1, RECORDS + 1)}
    assert ground.one("SELECT count(*) FROM run_records WHERE state <> 'completed'") == 0
    kept = "SELECT count(*) FROM interactions WHERE superseded_by = 1 AND output LIKE '%%T9999%%'"
    assert ground.one(kept) == BAD, "what was wrong can still be read"

    assert document(ground, *chosen)["preview"]["records"] == 0
    verified = wave(ground, "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr

    assert wave(ground, "rerun", "undo", "1", "--yes").returncode == 0
    work(ground)
    assert notes(ground) == values
    reasons = ground.sql("SELECT DISTINCT reason, undone_by IS NOT NULL AS undone FROM reruns WHERE generation = 1")
    assert reasons == [{"reason": "it invents", "undone": True}]
    said = "SELECT count(*) FROM interaction_events WHERE type IN ('rerun_started', 'rerun_undone')"
    assert ground.one(said) == 2
