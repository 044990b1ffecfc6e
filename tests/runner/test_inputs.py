"""What a step is given: checked before anything is called, and never another record's."""

from __future__ import annotations

import json

import pytest
from tests.support.by_hand import by_hand
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, rows, run_to_end, script

ANSWER = (
    '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}'
)
SERVER = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 2

[models.judge]
server = "stub"
model = "stub"
max_attempts = 2
options = {{api = "chat"}}
"""
ASK_STEP = """\
ask:
  model: judge
  prompt: prompts/ask.md
  input: {text: record.text}
  require: size(text) >= 21
  output: schemas/answer.json
  next: {when: [{if: output.n > 1, to: end}], else: end}
"""


@pytest.fixture
def stub(tmp_path):
    with OpenAIStub(tmp_path / "stub", [{"json": {"n": 1}}]) as running:
        yield running


def asking(ground: Ground, stub: OpenAIStub, items: list, *, prompt: str = "Text: {{ text }}", **more: str) -> Ground:
    files = {"prompts/ask.md": prompt, "schemas/answer.json": ANSWER}
    return ground.project(rows=items, steps=ASK_STEP, toml=SERVER.format(url=stub.url), files=files, **more)


def test_a_missing_or_short_text_is_quarantined_and_the_model_is_never_asked(ground: Ground, stub: OpenAIStub):
    items = [{"name": "null", "text": None}, {"name": "short", "text": "x" * 20}, {"name": "long", "text": "x" * 21}]
    asking(ground, stub, items)
    assert ground.run() == "failed"
    troubles = ground.troubles()
    assert sorted(troubles) == ["null", "short"]
    assert [request["body"]["messages"][-1]["content"] for request in stub.requests()] == ["Text: " + "x" * 21]
    said = ground.sql("SELECT data FROM interaction_events WHERE type = 'interaction_quarantined' ORDER BY event_id")
    assert [json.loads(event["data"])["called"] for event in said] == [False, False]


def test_a_variable_that_a_record_does_not_have_is_quarantined_and_the_model_is_never_asked(
    ground: Ground, stub: OpenAIStub
):
    prompt = "{% set parts = {'xxxxxxxxxxxxxxxxxxxxx': 'ok'} %}Text: {{ parts[text] }}"
    asking(ground, stub, [{"name": "good", "text": "x" * 21}, {"name": "bad", "text": "y" * 21}], prompt=prompt)
    assert ground.run() == "failed"
    assert list(ground.troubles()) == ["bad"]
    assert [request["body"]["messages"][-1]["content"] for request in stub.requests()] == ["Text: ok"]


def test_a_record_whose_row_is_gone_is_quarantined_as_missing(ground: Ground, stub: OpenAIStub):
    asking(ground, stub, [{"name": "here", "text": "x" * 21}])

    async def with_a_gap(hand):
        await hand.seed(2, step="ask")
        await hand.sql("UPDATE items SET text = repeat('x', 20) || right(name, 1)")
        await hand.sql("DELETE FROM items WHERE name = 'item 0'")
        return await run_to_end(hand.engine, hand.run_id)

    assert by_hand(ground, with_a_gap) == "failed"
    assert ground.troubles() == {"item 0": "record_missing"}
    assert len(stub.requests()) == 2
    broken = ground.one("SELECT broken FROM run_records WHERE broken IS NOT NULL")
    assert json.loads(broken) == ["ask quarantined: record_missing"]


def test_a_cut_stands_in_the_event_and_the_actor_gets_the_cut_text(ground: Ground):
    tell = script("return {'got': item['text']}")
    steps = "tell: {actor: tell, input: {text: {from: record.text, max_chars: 5}}, next: end}"
    ground.project(rows=[{"name": "a", "text": "0123456789"}], steps=steps, actors={"tell": tell})
    assert ground.run() == "completed"
    assert json.loads(ground.one("SELECT output FROM interactions WHERE record_id IS NOT NULL")) == {"got": "01234"}
    started = ground.one("SELECT data FROM interaction_events WHERE step = 'tell' AND type = 'interaction_started'")
    assert json.loads(started)["cuts"] == {"text": 10}


def test_a_step_sees_the_outputs_of_its_own_record_and_of_no_other(ground: Ground):
    """Two hundred records at once through three steps, the last of which reads both before it."""
    steps = """\
    one: {actor: one, input: {name: record.name}, next: two}
    two: {actor: two, input: {name: record.name, before: one.name}, next: three}
    three: {actor: three, input: {name: record.name, one: one.name, two: two.name}, writes: [items.note], next: end}
    """
    actors = {
        "one": script("return {'name': item['name']}"),
        "two": script("assert item['before'] == item['name'], item\nreturn {'name': item['name']}"),
        "three": script(
            "assert item['one'] == item['two'] == item['name'] == ctx.record, item\n"
            "ctx.write('items', {'note': item['two']})\nreturn {}"
        ),
    }
    ground.project(rows=rows(200), steps=steps, actors=actors, settings="", ensures=["record.note == record.name"])
    assert ground.run() == "completed"
    assert ground.one("SELECT count(*) FROM items WHERE note = name") == 200
    # `three` read the output of `one` besides its parent's, and that is recorded.
    assert ground.one("SELECT count(*) FROM interaction_inputs") == 200
    other = (
        "SELECT count(*) FROM interaction_inputs JOIN interactions i USING (run_id, interaction_id) "
        "JOIN interactions s ON s.interaction_id = source_id WHERE s.record_id IS DISTINCT FROM i.record_id"
    )
    assert ground.one(other) == 0


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM items RETURNING 1) SELECT * FROM gone",
        "SELECT nextval('event_ids')",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT 1; DROP TABLE items",
        "SELECT 1) AS q; DROP TABLE items; --",
        "SELECT 1/0",
        "SELECT * FROM generate_series(1, 10001)",
    ],
)
def test_a_scripts_query_reads_and_nothing_else_and_its_error_is_the_scripts(ground: Ground, query: str):
    # Asked past the script's own checks, so that only the runner stands between it and the database.
    body = f"""
    try:
        ctx.db._ask("query", {{"statement": {query!r}, "parameters": []}})
    except RuntimeError as error:
        return {{"refused": str(error)}}
    return {{"refused": None}}
    """
    ask = script(body, options="database = True\n")
    ground.project(rows=rows(1), steps="ask: {actor: ask, next: end}", actors={"ask": ask})
    assert ground.run() == "completed"
    refused = json.loads(ground.one("SELECT output FROM interactions WHERE record_id IS NOT NULL"))["refused"]
    assert refused.startswith("PostgreSQL refuses the query: ")
    assert ground.one("SELECT count(*) FROM items") == 1


def test_what_a_scripts_query_sets_does_not_outlive_it(ground: Ground):
    body = "ctx.db.query(\"SELECT set_config('search_path', 'pg_catalog', false)\")\nreturn {}"
    ask = script(body, options="database = True\n")
    ground.project(rows=rows(5), steps="ask: {actor: ask, next: end}", actors={"ask": ask}, settings="connections = 4")
    assert ground.run() == "completed"
