"""What the engine itself finds wrong: no call is made on bad input, and no bad answer is saved."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, script, start_run, until

from wave_runner.engine import Engine

SUMMARY = """\
{"type": "object",
 "properties": {"summary": {"type": "string"},
                "note": {"enum": ["A note that is longer than forty characters, by the schema", ""]}},
 "required": ["summary"],
 "additionalProperties": false}
"""
TABLES = """\
CREATE TABLE items (
    item_id  bigint PRIMARY KEY REFERENCES records (record_id),
    name     text NOT NULL UNIQUE,
    text     text,
    words    integer,
    note     text
);
CREATE TABLE tags (item_id bigint NOT NULL REFERENCES items, tag text NOT NULL);
"""
SERVER = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = {slots}

[models.writer]
server = "stub"
model = "stub"
max_attempts = {attempts}
options = {{api = "chat"}}
"""
SAVE = """\
from wave_runner import ScriptActor


class Save(ScriptActor):
    def process(self, item, ctx):
        ctx.write("items", {"note": item["summary"]})
        return {}
"""
PROMPT = """\
Each posting is followed by its summary.

Posting: Night Librarian. Late hours.
Summary: The Harbour Library needs a librarian for late hours who helps readers of all ages.

Posting: {{ text }}
Summary:
"""


@pytest.fixture
def stub(tmp_path: Path):
    with OpenAIStub(tmp_path / "stub") as running:
        yield running


def summarising(
    ground: Ground,
    stub: OpenAIStub,
    texts: dict[str, str | None],
    *,
    contract: str = "",
    attempts: int = 1,
    slots: int = 2,
) -> Ground:
    """A project that has a model summarise the text of each item and saves what it says."""
    steps = (
        "summarise:\n  model: writer\n  prompt: prompts/summarise.md\n  input: {text: record.text}\n"
        f"  output: schemas/summary.json\n{contract}  next: save\n"
        "save: {actor: save, input: {summary: summarise.summary}, writes: [items.note], next: end}\n"
    )
    return ground.project(
        rows=[{"name": name, "text": text} for name, text in texts.items()],
        steps=steps,
        actors={"save": SAVE},
        toml=SERVER.format(url=stub.url, attempts=attempts, slots=slots),
        files={"prompts/summarise.md": PROMPT, "schemas/summary.json": SUMMARY},
        tables=TABLES,
        ensures=["record.note != null"],
    )


def saved(ground: Ground) -> dict[str, str | None]:
    return {row["name"]: row["note"] for row in ground.sql("SELECT name, note FROM items ORDER BY name")}


def events(ground: Ground, key: str, step: str) -> list[tuple[str, dict[str, Any]]]:
    found = ground.sql(
        "SELECT e.type::text AS type, e.data FROM interaction_events e "
        "JOIN interactions USING (run_id, interaction_id) JOIN records USING (record_id) "
        "WHERE key = %s AND step = %s ORDER BY e.seq",
        key,
        step,
    )
    return [(row["type"].removeprefix("interaction_"), json.loads(row["data"])) for row in found]


def answers(ground: Ground, key: str) -> list[Any]:
    """The answers that are kept as evidence, oldest first."""
    found = ground.sql(
        "SELECT content FROM payloads JOIN interactions USING (run_id, interaction_id) JOIN records USING (record_id) "
        "WHERE key = %s AND role = 'answer' ORDER BY payload_id",
        key,
    )
    return [json.loads(row["content"]) for row in found]


# --- regression test B -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("least", ["guard", "condition"])
def test_regression_b_null_description(ground: Ground, stub: OpenAIStub, least: str):
    """NULL, nothing, blanks, the word None and 99 characters: no call is made, and each is named for what it is."""
    texts = {"null": None, "nothing": "", "blanks": "  \n ", "None": "None", "short": "x" * 99}
    if least == "guard":
        summarising(ground, stub, texts)
        file = ground.folder / "workflows/work.yaml"
        file.write_text(file.read_text().replace("{text: record.text}", "{text: {from: record.text, min_chars: 100}}"))
    else:
        summarising(ground, stub, texts, contract="  require: size(text) >= 100\n")
    assert ground.run() == "failed"
    assert stub.requests() == []
    assert ground.troubles() == {
        "null": "null_input",
        "nothing": "empty",
        "blanks": "empty",
        "None": "placeholder",
        "short": "too_short" if least == "guard" else "require",
    }
    assert ground.states("summarise") == {"quarantined": 5}
    assert set(ground.states("save")) <= {"skipped"}
    assert set(saved(ground).values()) == {None}
    assert ground.sql("SELECT state, count(*) AS n FROM run_records GROUP BY 1") == [{"state": "incomplete", "n": 5}]
    assert all(
        data == {"attempt": 0, "called": False, "rule": ground.troubles()[key]}
        for key in texts
        for _, data in events(ground, key, "summarise")
    )


def test_a_placeholder_of_a_template_stops_the_call_and_a_posting_with_braces_goes_through(
    ground: Ground, stub: OpenAIStub
):
    posting = "We look for a clerk who knows {{ templates }} and writes {name} by heart. None of it is easy."
    stub.answer_with({"text": json.dumps({"summary": "A clerk who knows templates."})})
    summarising(ground, stub, {"slot": "{session_3_output}", "null": "null", "posting": posting})
    assert ground.run() == "failed"
    assert ground.troubles() == {"slot": "unresolved_placeholder", "null": "placeholder"}
    assert [posting in request["body"]["messages"][-1]["content"] for request in stub.requests()] == [True]


def test_an_optional_input_may_be_nothing_and_a_guard_that_is_off_stops_nothing(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"text": json.dumps({"summary": "Nothing was said."})})
    summarising(ground, stub, {"empty": "", "word": "N/A"}, contract="  guards: {placeholder: off}\n")
    file = ground.folder / "workflows/work.yaml"
    file.write_text(file.read_text().replace("{text: record.text}", "{text: {from: record.text, optional: true}}"))
    assert ground.run() == "completed"
    assert len(stub.requests()) == 2


# --- regression test G -------------------------------------------------------------------------------------------

OUTCOME = '{"properties": {"outcome": {"enum": ["OK", "FAILED"]}}, "required": ["outcome"]}'
FINISH = script(
    """
    if ctx.record == "contradiction":
        return {"status": "success", "outcome": "FAILED"}
    if ctx.record == "message":
        return {"status": "success", "outcome": "OK", "message": "[FAILED] at first, then it went well"}
    return {"status": "success", "outcome": "OK", "seen": item["text"]}
    """
)


def test_regression_g_failure_in_a_success_wrapper(ground: Ground):
    """Status success with outcome FAILED takes no route; words of failure in a message or a posting decide nothing."""
    steps = """\
    finish:
      actor: finish
      input: {text: record.text}
      output: schemas/outcome.json
      route: {on: outcome, OK: good, FAILED: bad}
    good: {actor: good, next: end}
    bad: {actor: good, next: end}
    """
    items = [
        {"name": "contradiction", "text": "a posting"},
        {"name": "message", "text": "a posting"},
        {"name": "posting", "text": "This posting says [FAIL], FAILED and success."},
    ]
    actors = {"finish": FINISH, "good": script("return {}")}
    ground.project(rows=items, steps=steps, actors=actors, files={"schemas/outcome.json": OUTCOME})
    assert ground.run() == "failed"
    assert ground.troubles() == {"contradiction": "inconsistent_outcome"}
    assert ground.states("good")["completed"] == 2
    assert set(ground.states("bad")) <= {"skipped"}
    [*_, (kind, data)] = events(ground, "contradiction", "finish")
    assert kind == "quarantined"
    assert "route" not in data
    assert "to" not in data
    for key in ("message", "posting"):
        [*_, (kind, data)] = events(ground, key, "finish")
        assert (kind, data["route"], data["to"]) == ("completed", "outcome = OK", ["good"])
    assert answers(ground, "contradiction") == [{"status": "success", "outcome": "FAILED"}]


# --- bad answers -------------------------------------------------------------------------------------------------

BAD = {
    "repetition": {"summary": "good communication skills, " * 8},
    "echo": {"summary": "The Harbour Library needs a librarian for late hours who helps readers of all ages."},
    "refusal": {"summary": "I'm sorry, but I can't help with that request."},
    "provider_error": {"summary": "\x1b[31mError\x1b[0m: model not found"},
}
GOOD = {"match": r"(?s)Posting: item (\d+)\.\s+Summary:\s*$", "text": '{"summary": "Item \\1 in short."}'}


def item_answers(number: int, **rule: Any) -> dict[str, Any]:
    return {"match": rf"(?s)Posting: item {number}\.\s+Summary:\s*$", **rule}


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_answer_is_tried_again_then_quarantined_and_kept_and_never_saved(
    ground: Ground, stub: OpenAIStub, rule: str
):
    stub.answer_with(item_answers(1, json=BAD[rule]), GOOD)
    summarising(ground, stub, {f"item {number}": f"item {number}." for number in range(3)}, attempts=2)
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 1": rule}
    assert saved(ground) == {"item 0": "Item 0 in short.", "item 1": None, "item 2": "Item 2 in short."}
    kinds = [kind for kind, _ in events(ground, "item 1", "summarise")]
    assert kinds == ["started", "retry_scheduled", "started", "quarantined"]
    said = [answer["choices"][0]["message"]["content"] for answer in answers(ground, "item 1")]
    assert [json.loads(text) for text in said] == [BAD[rule]] * 2
    assert ground.states("save")["completed"] == 2


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Error: rate limit exceeded", "provider_error"),
        ("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "provider_error"),
        ('{"error": {"message": "the model is overloaded", "type": "server_error"}}', "provider_error"),
        ("I cannot answer this.", "refusal"),
        ('```json\n{"summary": "A clerk."}\n```', "invalid_json"),
        ("PASS\nThe summary is good.", "invalid_json"),
    ],
)
def test_a_text_in_place_of_the_answer_is_named_for_what_it_is(ground: Ground, stub: OpenAIStub, text: str, rule: str):
    stub.answer_with({"text": text.replace("\\", "\\\\")})
    summarising(ground, stub, {"item": "item 1."})
    assert ground.run() == "failed"
    assert ground.troubles() == {"item": rule}


def test_an_answer_that_is_not_accepted_is_tried_again_and_one_that_is_goes_on(ground: Ground, stub: OpenAIStub):
    stub.answer_with(
        item_answers(1, json={"summary": "Short."}, times=1), item_answers(2, json={"summary": "Short."}), GOOD
    )
    texts = {f"item {number}": f"item {number}." for number in range(3)}
    accept = "  accept:\n    - size(output.summary) > 10\n    - size(output.summary) < 100 * size(input.text)\n"
    summarising(ground, stub, texts, contract=accept, attempts=2)
    assert ground.run() == "failed"
    assert ground.troubles() == {"item 2": "accept"}
    assert saved(ground)["item 1"] == "Item 1 in short."
    told = ground.one("SELECT error FROM interactions WHERE state = 'quarantined'")
    assert told == "accept `size(output.summary) > 10` does not hold: output.summary is 'Short.'"


def test_a_scripts_output_that_is_not_accepted_is_kept_and_reaches_nothing(ground: Ground):
    count = script("ctx.write('items', {'words': 3})\nreturn {'words': 3, 'why': 'so'}")
    steps = """\
    count: {actor: count, writes: [items.words], accept: output.words > 5, next: after}
    after: {actor: count, input: {words: count.words}, next: end}
    """
    ground.project(rows=[{"name": "a", "text": "x"}], steps=steps, actors={"count": count})
    assert ground.run() == "failed"
    assert ground.troubles() == {"a": "accept"}
    assert ground.items() == {"a": None}
    assert answers(ground, "a") == [{"words": 3, "why": "so"}]
    [*_, (kind, data)] = events(ground, "a", "count")
    assert (kind, [one["role"] for one in data["payloads"]]) == ("quarantined", ["answer"])
    assert ground.one("SELECT output FROM interactions WHERE rule = 'accept'") is None
    assert set(ground.states("after")) <= {"skipped"}


def test_an_output_that_the_tables_refuse_is_kept_too(ground: Ground):
    count = script("ctx.write('items', {'words': 1000})\nreturn {'words': 1000}")
    steps = "count: {actor: count, writes: [items.words], next: end}"
    ground.project(rows=[{"name": "a", "text": "x"}], steps=steps, actors={"count": count})
    assert ground.run() == "failed"
    assert ground.troubles() == {"a": "write_refused"}
    assert answers(ground, "a") == [{"words": 1000}]


# --- one text for many -------------------------------------------------------------------------------------------

SAME = {"summary": "The office seeks a person who is good at working with other persons."}


def reasons(ground: Ground) -> dict[str, list[str]]:
    found = ground.sql("SELECT key, broken FROM run_records JOIN records USING (record_id) WHERE broken IS NOT NULL")
    return {row["key"]: json.loads(row["broken"]) for row in found}


def test_one_text_for_many_records_stops_at_the_bound_and_casts_doubt_on_those_before(ground: Ground, stub: OpenAIStub):
    """Item 9 has an answer of its own."""
    stub.answer_with(
        item_answers(9, json={"summary": "Item nine is about something else, as it says itself."}), {"json": SAME}
    )
    texts = {f"item {number}": f"item {number}." for number in range(10)}
    summarising(ground, stub, texts, contract="  guards: {same_text: {records: 4}}\n", attempts=2, slots=1)
    assert ground.run() == "failed"
    stopped = ground.troubles()
    marked = "SELECT key FROM interactions JOIN records USING (record_id) WHERE state = 'completed' AND rule = %s"
    doubted = ground.sql(marked, "same_text")
    assert (len(stopped), len(doubted)) == (6, 3)
    assert set(stopped.values()) == {"same_text"}
    for row in doubted:
        *_, (kind, data) = events(ground, row["key"], "summarise")
        assert (kind, data) == ("doubted", {"rule": "same_text"})
        assert reasons(ground)[row["key"]] == ["summarise doubted: same_text"]
    assert [key for key in texts if key not in reasons(ground)] == ["item 9"]
    # What came of the first ones stays, and is said not to be done; nothing of the others was saved.
    assert sum(note == SAME["summary"] for note in saved(ground).values()) == 3
    assert sum(note is None for note in saved(ground).values()) == 6


def test_a_record_that_is_completed_already_is_judged_again_when_its_answer_is_doubted(
    ground: Ground, stub: OpenAIStub
):
    stub.answer_with(item_answers(2, status=503), {"json": SAME})
    texts = {f"item {number}": f"item {number}." for number in range(3)}
    summarising(ground, stub, texts, contract="  guards: {same_text: {records: 3}}\n", attempts=50)

    def settled(state: str) -> int:
        return ground.one("SELECT count(*) FROM run_records WHERE state = %s", state)

    async def answer_the_last_one_late(engine: Engine) -> None:
        await start_run(engine)
        async with at_work(engine):

            async def both(state: str) -> bool:
                return await asyncio.to_thread(settled, state) == 2

            await until(lambda: both("completed"))
            stub.answer_with({"json": SAME})
            await until(lambda: both("incomplete"))

    ground.do(answer_the_last_one_late)
    doubted = ["summarise doubted: same_text"]
    assert reasons(ground) == {"item 0": doubted, "item 1": doubted}


@pytest.mark.parametrize(
    "answer",
    [
        {"summary": "Too short to be free."},
        {"summary": "x", "note": "A note that is longer than forty characters, by the schema"},
        {"summary": "https://example.com/a/very/long/address/that/leads/to/nobody/knows/where"},
    ],
)
def test_a_short_text_a_listed_one_or_a_link_may_be_everybodys(
    ground: Ground, stub: OpenAIStub, answer: dict[str, str]
):
    stub.answer_with({"json": answer})
    summarising(ground, stub, {f"item {number}": f"item {number}." for number in range(8)})
    assert ground.run() == "completed"


def test_records_with_one_and_the_same_input_may_have_one_text(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"json": SAME})
    summarising(ground, stub, {f"item {number}": "item 1." for number in range(8)})
    assert ground.run() == "completed"


def test_the_guard_holds_for_a_script_that_asks_for_it_within_one_chunk(ground: Ground):
    tell = script(f"return {SAME!r}")
    steps = "tell: {actor: tell, input: {name: record.name}, guards: {same_text: on}, next: end}"
    items = [{"name": f"item {number}", "text": "x"} for number in range(30)]
    ground.project(rows=items, steps=steps, actors={"tell": tell})
    assert ground.run() == "failed"
    assert ground.states("tell") == {"completed": 4, "quarantined": 26}
    assert ground.sql("SELECT state, count(*) AS n FROM run_records GROUP BY 1") == [{"state": "incomplete", "n": 30}]
