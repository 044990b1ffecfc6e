"""Model servers that misbehave: no record is lost, no wrong answer is saved, and what was said is kept."""

from __future__ import annotations

import hashlib
import json

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, run_to_end, start_run, until

from wave_runner.servers.binary import free_port

ANSWER = (
    '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}'
)
STEPS = """\
ask:
  model: judge
  prompt: prompts/ask.md
  input: {text: record.text}
  output: schemas/answer.json
  next: save
save: {actor: save, input: {n: ask.n}, writes: [items.words], next: end}
"""
SAVE = """\
from wave_runner import ScriptActor


class Save(ScriptActor):
    def process(self, item, ctx):
        ctx.write("items", {"words": item["n"]})
        return {}
"""
SERVER = """\
[servers.stub]
driver = "openai"
url = "{url}"
slots = 4

[models.judge]
server = "stub"
model = "stub"
max_attempts = {attempts}
timeout_s = 5
options = {{api = "chat"}}
"""


@pytest.fixture
def stub(tmp_path):
    with OpenAIStub(tmp_path / "stub") as running:
        yield running


def asking(ground: Ground, url: str, n: int = 6, *, attempts: int = 1) -> Ground:
    items = [{"name": f"item {number}", "text": f"number {number}."} for number in range(n)]
    return ground.project(
        rows=items,
        steps=STEPS,
        actors={"save": SAVE},
        toml=SERVER.format(url=url, attempts=attempts),
        files={"prompts/ask.md": "Which number? {{ text }}", "schemas/answer.json": ANSWER},
        ensures=["record.words != null"],
    )


GOOD = {"match": r"number (\d+)\.", "text": '{"n": \\1}'}

MISBEHAVIOUR = {
    "a server error": {"status": 500},
    "garbage": {"behaviour": "garbage"},
    "half an answer": {"behaviour": "half_json"},
    "a connection that closes": {"behaviour": "close"},
    "something else than an answer": {"behaviour": "not_a_completion"},
    "an answer cut at the token limit": {"behaviour": "length", "text": '{"n": 1}'},
    "no text": {"behaviour": "no_text"},
    "no JSON": {"text": "The number is 3."},
    "JSON of another shape": {"json": {"n": "three"}},
    "more than was asked for": {"json": {"n": 3, "why": "because"}},
}


@pytest.mark.parametrize("rule", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_a_bad_answer_harms_its_own_record_only_and_is_never_saved(ground: Ground, stub: OpenAIStub, rule: dict):
    stub.answer_with({"match": r"number 3\.", **rule}, GOOD)
    asking(ground, stub.url)
    assert ground.run() == "failed"
    assert ground.items() == {f"item {n}": None if n == 3 else n for n in range(6)}
    assert list(ground.troubles()) == ["item 3"]
    assert ground.states("save") == {"completed": 5, "skipped": 1}


def test_a_bad_answer_is_asked_for_again_and_a_good_one_is_then_saved(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"match": r"number 3\.", "text": "no JSON", "times": 1}, GOOD)
    asking(ground, stub.url, attempts=2)
    assert ground.run() == "completed"
    assert ground.items()["item 3"] == 3
    tries = ground.sql(
        "SELECT e.type::text AS type FROM interaction_events e JOIN interactions USING (run_id, interaction_id) "
        "JOIN records USING (record_id) WHERE key = 'item 3' AND step = 'ask' ORDER BY e.seq"
    )
    assert [row["type"].removeprefix("interaction_") for row in tries] == [
        "started",
        "retry_scheduled",
        "started",
        "completed",
    ]


def test_request_and_answer_of_every_attempt_are_kept_as_they_were_and_match_their_commitments(
    ground: Ground, stub: OpenAIStub
):
    stub.answer_with({"match": r"number 1\.", "text": "no JSON"}, GOOD)
    asking(ground, stub.url, n=2, attempts=2)
    ground.run()
    kept = ground.sql("SELECT interaction_id, attempt, role, nonce, content FROM payloads ORDER BY payload_id")
    asked = [json.loads(payload["content"]) for payload in kept if payload["role"] == "request"]
    assert sorted(map(json.dumps, asked)) == sorted(json.dumps(request["body"]) for request in stub.requests())
    answers = [payload["content"] for payload in kept if payload["role"] == "answer"]
    assert sum(b"no JSON" in answer for answer in answers) == 2
    committed = {
        (event["interaction_id"], payload["c"])
        for event in ground.sql("SELECT interaction_id, data FROM interaction_events WHERE step = 'ask'")
        for payload in json.loads(event["data"]).get("payloads", [])
    }
    sealed = {(row["interaction_id"], hashlib.sha256(row["nonce"] + row["content"]).hexdigest()) for row in kept}
    assert sealed == committed
    assert len(sealed) == 9
    assert [bytes(payload["content"]) for payload in kept if payload["role"] == "server"] == 3 * [b"stub-1"]


def test_a_server_that_calls_itself_whatever_it_likes_is_kept_short_and_clean(ground: Ground, stub: OpenAIStub):
    stub.answer_with({**GOOD, "beside": {"system_fingerprint": "\0" + 300 * "x"}})
    asking(ground, stub.url, n=1)
    assert ground.run() == "completed"
    version = ground.one("SELECT content FROM payloads WHERE role = 'server'").decode()
    assert version == "\ufffd" + 199 * "x"


def test_a_server_that_is_not_there_costs_no_record_an_attempt_and_its_work_is_done_when_it_is_back(
    ground: Ground, tmp_path
):
    port = free_port()
    asking(ground, f"http://127.0.0.1:{port}/v1", attempts=1)

    said, run_id = ground.do(until_in_trouble)

    assert f"http://127.0.0.1:{port} cannot be reached" in said
    assert ground.states("ask") == {"pending": 6}
    with OpenAIStub(tmp_path / "back", [GOOD], port=port):
        assert ground.do(lambda engine: run_to_end(engine, run_id)) == "completed"
    assert ground.items() == {f"item {n}": n for n in range(6)}


async def until_in_trouble(engine) -> tuple[str, int]:
    run_id = await start_run(engine)
    async with at_work(engine) as runner:

        async def trouble() -> str:
            return str(runner.trouble() or "")

        return await until(trouble), run_id
