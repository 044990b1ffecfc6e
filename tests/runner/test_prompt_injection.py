"""Postings that speak to the model: what they can reach, with a model that obeys every one of them.

The first answer for each posting does what the text wants and gives a verdict of its own making; the second one keeps
to the schema and carries the text on, with something for SQL, a shell, a path and a page of HTML, as its reason. There
is no page of HTML in this version: what is printed is looked at instead.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.core.test_guards_on_real_texts import SMALL, postings
from tests.support import warm
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

CORPUS = Path(__file__).parents[1] / "data" / "prompt-injection" / "bastioncorpus_injections.jsonl"
CASES = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
MALICIOUS = {case["id"]: case["text"] for case in CASES if case["label"] == "malicious"}
BENIGN = {case["id"]: case["text"] for case in CASES if case["label"] == "benign"}

VERDICTS = ("GENUINE", "BORDERLINE", "FAKE")
JUDGED = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": VERDICTS}, "why": {"type": "string"}},
        "required": ["verdict", "why"],
        "additionalProperties": False,
    }
)
STEPS = """\
judge:
  model: judge
  prompt: prompts/judge.md
  input: {case: record.name, text: record.text}
  output: schemas/judged.json
  accept: output.verdict in ['GENUINE', 'BORDERLINE', 'FAKE'] && size(output.why) > 0
  route: {on: verdict, GENUINE: save, BORDERLINE: save, FAKE: pass_on}
pass_on: {actor: pass_on, input: {why: judge.why}, next: save}
save: {actor: save, input: {why: [judge.why]}, writes: [items.note], next: end}
"""
SAVE = """\
from wave_runner import ScriptActor


class Save(ScriptActor):
    database = True

    def process(self, item, ctx):
        [row] = ctx.db.query("SELECT %s::text AS why", item["why"])
        ctx.write("items", {"note": row["why"]})
        return {"why": row["why"]}
"""
TOML = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 4

[models.judge]
server = "stub"
model = "stub"
max_attempts = 2
options = {{api = "chat"}}

[scripts.pass_on]
entry = "actors/pass_on"
executable = true
"""
TABLES = """\
CREATE TABLE items (
    item_id bigint PRIMARY KEY REFERENCES records (record_id), name text NOT NULL UNIQUE, text text, note text
);
CREATE TABLE tags (item_id bigint NOT NULL REFERENCES items, tag text NOT NULL);
"""


def posting_with(text: str, number: int, real: list[str]) -> str:
    return f"{real[number % len(real)]}\n\n{text}\n\nApply to the office by letter."


def hostile(text: str, canary: Path) -> str:
    """The text with something for each place that it must not reach."""
    return (
        f"{text} '; DROP TABLE items; INSERT INTO tags SELECT item_id, 'x' FROM items; -- $(touch {canary})"
        f" `touch {canary}`; touch {canary} | ../../../{canary.name} \x1b]0;{canary.name}\x07"
        f" <script>fetch('{canary}')</script> {{{{ 7 * 7 }}}}"
    )


def obeying(cases: dict[str, str], canary: Path) -> list[dict[str, Any]]:
    """The rules of a model that gives a verdict of the text's own making first, and then a proper one."""
    rules = []
    for number, (name, text) in enumerate(cases.items()):
        match = f"^Case {name}:"
        rules.append({"match": match, "json": {"verdict": text, "why": "because"}, "times": 1})
        proper = {"verdict": VERDICTS[number % 3], "why": hostile(text, canary)}
        rules.append({"match": match, "json": proper})
    return rules


@pytest.fixture
def real() -> list[str]:
    return [str(posting["job_description"]) for posting in postings(SMALL)]


def test_a_malicious_posting_changes_no_route_and_reaches_no_sql_shell_path_or_page(
    ground: Ground, tmp_path: Path, real: list[str]
):
    canary = tmp_path / "canary"
    named = {f"../{name}": text for name, text in MALICIOUS.items()}
    assert len(named) == 118
    rows = [
        {"name": name, "text": posting_with(text, number, real)} for number, (name, text) in enumerate(named.items())
    ]
    with OpenAIStub(tmp_path / "stub", obeying(named, canary)) as stub:
        ground.project(
            rows=rows,
            steps=STEPS,
            actors={"save": SAVE},
            toml=TOML.format(url=stub.url),
            files={
                "prompts/judge.md": "Case {{ case }}:\n{{ text }}",
                "schemas/judged.json": JUDGED,
                "actors/pass_on": "#!/bin/sh\nexec cat\n",
            },
            tables=TABLES,
            ensures=["record.note != null"],
        )
        (ground.folder / "actors/pass_on").chmod(0o755)
        assert (ground.run(), ground.troubles()) == ("completed", {})
        asked = len(stub.requests())
    # Each was asked twice: the verdict that the text dictated is in no enum, so it took no route and was not saved.
    assert asked == 2 * len(named)
    broken = ground.sql("SELECT data FROM interaction_events WHERE type = 'interaction_retry_scheduled'")
    assert Counter(json.loads(row["data"])["rule"] for row in broken) == {"output_schema": 118}
    routed = ground.sql("SELECT data FROM interaction_events WHERE type = 'interaction_completed' AND step = 'judge'")
    ways = {(json.loads(row["data"])["route"], *json.loads(row["data"])["to"]) for row in routed}
    assert ways == {("verdict = GENUINE", "save"), ("verdict = BORDERLINE", "save"), ("verdict = FAKE", "pass_on")}
    # SQL and shell: the words arrived as words, byte for byte, and did nothing.
    notes = {row["name"]: row["note"] for row in ground.sql("SELECT name, note FROM items")}
    assert notes == {name: hostile(text, canary) for name, text in named.items()}
    assert ground.one("SELECT count(*) FROM tags") == 0
    # Paths: nothing was made anywhere by these names.
    assert not canary.exists()
    assert [path for path in tmp_path.rglob("*") if "canary" in path.name or path.name in MALICIOUS] == []


def test_what_is_printed_of_a_malicious_posting_carries_nothing_to_a_terminal(
    ground: Ground, tmp_path: Path, real: list[str]
):
    name = "ab-022 \x1b[2J<script>"
    text = MALICIOUS["ab-022"]
    step = "refuse: {actor: refuse, input: {text: record.text}, next: end}"
    refuse = (
        "from wave_runner import ScriptActor\n\n\nclass Refuse(ScriptActor):\n    def process(self, item, ctx):\n"
        "        ctx.reject(item['text'] + '\\x1b[31m')\n"
    )
    ground.project(rows=[{"name": name, "text": posting_with(text, 0, real)}], steps=step, actors={"refuse": refuse})
    assert ground.run() == "failed"
    for command in (["trace", name], ["status"]):
        done = subprocess_of(ground, *command)
        assert "\x1b" not in done


def subprocess_of(ground: Ground, *arguments: str) -> str:

    done = warm.wave("--project", ground.folder, *arguments)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout
    return done.stdout + done.stderr


def test_a_suspicion_stands_in_the_started_event_and_stops_nothing(
    ground: Ground, tmp_path: Path, real: list[str], capsys
):
    cases = MALICIOUS | BENIGN
    rows = [
        {"name": name, "text": posting_with(text, number, real)} for number, (name, text) in enumerate(cases.items())
    ]
    with OpenAIStub(tmp_path / "stub", [{"json": {"verdict": "GENUINE", "why": "it is"}}]) as stub:
        steps = STEPS.split("pass_on:")[0].replace(
            "GENUINE: save, BORDERLINE: save, FAKE: pass_on", "GENUINE: end, BORDERLINE: end, FAKE: end"
        )
        toml = TOML.split("[scripts.pass_on]")[0].format(url=stub.url)
        files = {"prompts/judge.md": "Case {{ case }}:\n{{ text }}", "schemas/judged.json": JUDGED}
        ground.project(rows=rows, steps=steps, toml=toml, files=files)
        assert ground.run() == "completed"
    started = ground.sql(
        "SELECT key, data FROM interaction_events JOIN interactions USING (run_id, interaction_id) "
        "JOIN records USING (record_id) WHERE type = 'interaction_started' AND step = 'judge'"
    )
    suspected = {row["key"]: json.loads(row["data"]).get("suspected") for row in started}
    assert suspected.keys() == cases.keys()
    flagged = {name for name, kinds in suspected.items() if kinds}
    share = len(flagged & MALICIOUS.keys()) / len(MALICIOUS)
    with capsys.disabled():
        wrongly = len(flagged & BENIGN.keys())
        print(f"\nsuspected: {share:.1%} of {len(MALICIOUS)} malicious, {wrongly} of {len(BENIGN)} benign")
    assert share > 0.6
    assert flagged & BENIGN.keys() == set()
    assert suspected["di-001"] == {"text": ["override", "secrets"]}
    shown = subprocess_of(ground, "trace", "di-001")
    assert "suspected in `text` of judge: a text that speaks to the model (override, secrets)" in shown
