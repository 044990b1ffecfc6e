"""What has been answered before is not asked again: what was accepted, is in force, and answers the same question."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support import warm
from tests.support.by_hand import Hand, by_hand
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, run_to_end, script, start_run, until

from wave_runner.core.control import Subject
from wave_runner.core.outcome import Write
from wave_runner.runner.prepare import prepare
from wave_runner.runner.recall import Recalled, look_up, take
from wave_runner.runner.steps import Steps
from wave_runner.runner.texts import Texts
from wave_runner.store.control import Filter
from wave_runner.store.waves import Wave

NUMBER = (
    '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}'
)
ASK = "ask: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: save}\n"
SAVE_STEP = "save: {actor: save, input: {n: ask.n}, writes: [items.words], next: end}\n"
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
slots = {slots}

[models.judge]
server = "stub"
model = "stub"
max_attempts = {attempts}
timeout_s = 5
{more}
"""
CHAT = 'options = {api = "chat"}'
GOOD = {"match": r"number (\d+)\.", "text": '{"n": \\1}'}
SAME = {"text": '{"n": 7}'}
FREE = {"json": {"n": 7, "why": "It says at some length what it says about every one of them."}}


@pytest.fixture
def stub(tmp_path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as running:
        yield running


def asking(
    ground: Ground,
    stub: OpenAIStub,
    n: int = 4,
    *,
    texts: Mapping[int, str] | None = None,
    steps: str = ASK + SAVE_STEP,
    slots: int = 2,
    attempts: int = 1,
    more: str = "",
    files: Mapping[str, str] | None = None,
) -> Ground:
    """A project that asks a model about each of `n` items, of which each has a text of its own but for `texts`."""
    items = [{"name": f"item {one}", "text": (texts or {}).get(one, f"number {one}.")} for one in range(n)]
    return ground.project(
        rows=items,
        steps=steps,
        actors={"save": SAVE},
        toml=SERVER.format(
            url=stub.url, slots=slots, attempts=attempts, more=more if "options" in more else more + CHAT
        ),
        files={"prompts/ask.md": "Which number? {{ text }}", "schemas/n.json": NUMBER, **(files or {})},
        ensures=["record.words != null"],
    )


def again(ground: Ground, **options: Any) -> str:
    """Empty the project's table, so that the same rows come in anew, and run."""
    ground.sql("DELETE FROM items")

    async def run(engine):
        await engine.sync(dev=True)
        return await run_to_end(engine, await engine.new_runs().start("work", {}, **options))

    return ground.do(run)


def asked(stub: OpenAIStub, since: int = 0) -> Counter[str]:
    """Count what was asked, by prompt."""
    return Counter(one["body"]["messages"][-1]["content"] for one in stub.requests()[since:])


def hits(ground: Ground, run_id: int) -> int:
    return ground.one("SELECT count(*) FROM hits WHERE run_id = %s", run_id)


def wave(ground: Ground, *words: str) -> str:
    done = warm.wave("--project", ground.folder, *words, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_run_asks_nothing_does_everything_and_says_so(ground: Ground, stub: OpenAIStub):
    assert asking(ground, stub).run() == "completed"
    assert (len(stub.requests()), hits(ground, 1)) == (4, 0)

    ground.sql("DELETE FROM items")
    said = wave(ground, "run", "work")

    assert len(stub.requests()) == 4
    assert ground.items() == {f"item {n}": n for n in range(4)}
    [line] = [line for line in said.splitlines() if "from the cache" in line]
    assert line.startswith("4 answers from the cache: saved 4 model calls, 72 tokens, ")
    assert line.endswith("; 0 made")
    status = json.loads(wave(ground, "status", "--json"))
    assert (status["model_calls"], status["from_cache"]["answers"], status["from_cache"]["tokens"]) == (0, 4, 72)
    assert status["from_cache"]["service_us"] == ground.one(
        "SELECT sum(service_us) FROM interactions JOIN answers USING (run_id, interaction_id)"
    )
    assert [one["executions"] for one in status["actors"] if one["kind"] == "ai_model"] == [0]
    first = json.loads(wave(ground, "status", "--run", "1", "--json"))
    assert (first["model_calls"], first["from_cache"]["answers"]) == (4, 0)


def test_a_hit_names_its_source_and_has_used_nothing(ground: Ground, stub: OpenAIStub):
    asking(ground, stub).run()
    again(ground)
    [source] = ground.sql(
        "SELECT i.run_id, interaction_id, i.output FROM interactions i JOIN records USING (record_id) "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) "
        "WHERE key = 'item 2' AND s.name = 'ask' AND i.run_id = 1"
    )
    traced = json.loads(wave(ground, "trace", "item 2", "--json"))
    [hit] = [event for event in traced["events"] if event["from_cache"]]
    assert hit["from_cache"] == {"run_id": "1", "interaction_id": str(source["interaction_id"]), "attempt": 1}
    assert (hit["type"], hit["step"], traced["unbroken"]) == ("interaction_completed", "ask", True)
    [mine] = ground.sql("SELECT * FROM interactions WHERE interaction_id = %s", int(hit["interaction_id"]))
    assert mine["output"] == source["output"]
    assert (mine["tokens_in"], mine["tokens_out"], mine["service_us"], mine["attempt"]) == (0, 0, 0, 1)
    assert ground.sql("SELECT FROM payloads WHERE run_id = 2") == []
    assert ground.sql("SELECT run_id, count(*) AS n FROM ledger GROUP BY run_id") == [{"run_id": 1, "n": 4}]
    cost = json.loads(wave(ground, "report", "cost", "--json"))
    assert (cost["total"]["calls"], cost["from_cache"]["answers"], cost["from_cache"]["tokens"]) == (0, 4, 72)
    assert "since the cache had their answers: 4 calls, 72 tokens, " in wave(ground, "report", "cost")
    whose = f"by attempt 1 of interaction {source['interaction_id']} in run 1: no model was asked"
    assert f"ask was answered from the cache, {whose}" in wave(ground, "trace", "item 2")


CHAIN = """\
first: {model: judge, prompt: prompts/first.md, input: {text: record.text}, output: schemas/n.json, next: second}
second: {model: judge, prompt: prompts/second.md, input: {n: first.n}, output: schemas/n.json, next: third}
third: {model: judge, prompt: prompts/third.md, input: {n: second.n}, output: schemas/n.json, next: beside}
beside: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: save}
save: {actor: save, input: {n: third.n, beside: beside.n}, writes: [items.words], next: end}
"""
PROMPTS = {
    "prompts/first.md": "first: number {{ text }}",
    "prompts/second.md": "second: number 1{{ n }}.",
    "prompts/third.md": "third: number {{ n }}.",
}


def test_one_byte_of_one_prompt_asks_that_step_again_and_what_depends_on_it(ground: Ground, stub: OpenAIStub):
    asking(ground, stub, 3, steps=CHAIN, texts={n: f"number {n}." for n in range(3)}, files=PROMPTS).run()
    assert len(stub.requests()) == 12
    ground.write("prompts/second.md", "second: number 2{{ n }}.")

    assert again(ground) == "completed"

    expected = [f"{step}: number 2{n}." for step in ("second", "third") for n in range(3)]
    assert asked(stub, since=12) == Counter(expected)
    assert ground.items() == {f"item {n}": 20 + n for n in range(3)}
    assert hits(ground, 2) == 6


def test_two_records_that_ask_the_same_share_an_answer_and_nothing_else(ground: Ground, stub: OpenAIStub):
    asking(ground, stub, 3, texts={1: "number 0."}, slots=1).run()
    assert asked(stub) == {"Which number? number 0.": 1, "Which number? number 2.": 1}
    assert ground.items() == {"item 0": 0, "item 1": 0, "item 2": 2}
    assert ground.one("SELECT count(DISTINCT record_id) FROM value_writes") == 3
    assert hits(ground, 1) == 1


TWICE = """\
split: {actor: split, output: schemas/parts.json, next: {each: parts, to: ask}}
ask: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: gather}
gather: {after: [ask], actor: save, input: {n: ask.n}, writes: [items.words], next: end}
"""
SPLIT = script('return {"parts": [1, 2, 3]}')
GATHER = script('ctx.write("items", {"words": int("".join(map(str, item["n"])))})\nreturn {}')
PARTS = (
    '{"type": "object", "properties": {"parts": {"type": "array", "items": {"type": "integer"}}}, '
    '"required": ["parts"]}'
)


def test_a_question_that_is_asked_three_times_for_a_record_gets_three_answers_both_times(
    ground: Ground, stub: OpenAIStub
):
    stub.answer_with(*({"text": f'{{"n": {n}}}', "times": 1} for n in (5, 6, 7)))
    asking(ground, stub, 1, steps=TWICE, files={"schemas/parts.json": PARTS}, slots=1)
    ground.write("actors/split.py", SPLIT)
    ground.write("actors/save.py", GATHER)
    assert ground.run() == "completed"
    answers = ground.items()["item 0"]

    assert again(ground) == "completed"

    assert len(stub.requests()) == 3
    assert sorted(str(answers)) == ["5", "6", "7"]
    assert ground.items()["item 0"] == answers


JURY = """\
ask: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: second}
second: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: save}
save: {actor: save, input: {n: second.n, first: ask.n}, writes: [items.words], next: end}
"""


def test_two_steps_that_ask_the_same_get_two_answers(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"text": '{"n": 1}', "times": 1}, {"text": '{"n": 2}'})
    asking(ground, stub, 1, steps=JURY).run()
    assert again(ground) == "completed"
    assert len(stub.requests()) == 2
    assert ground.items() == {"item 0": 2}


def test_what_was_not_accepted_is_asked_again(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"match": r"number 3\.", "text": "no JSON"}, GOOD)
    assert asking(ground, stub).run() == "failed"
    stub.answer_with(GOOD)
    assert again(ground) == "completed"
    assert asked(stub, since=4) == {"Which number? number 3.": 1}


def test_what_was_doubted_is_asked_again(ground: Ground, stub: OpenAIStub):
    stub.answer_with(FREE)
    schema = (
        '{"type": "object", "properties": {"n": {"type": "integer"}, "why": {"type": "string"}}, "required": ["n"]}'
    )
    asking(ground, stub, 5, files={"schemas/n.json": schema}).run()
    assert ground.one("SELECT count(*) FROM interactions WHERE rule = 'same_text'") == 5
    assert ground.one("SELECT count(*) FROM answers") == 4, "recorded before it was known"

    stub.answer_with(GOOD)
    assert again(ground) == "completed"

    assert len(stub.requests()) == 10
    assert hits(ground, 2) == 0


def test_what_was_doubted_where_it_was_used_again_is_asked_again(ground: Ground, stub: OpenAIStub):
    stub.answer_with(FREE)
    files = {"schemas/n.json": NUMBER.replace('"n": {', '"why": {"type": "string"}, "n": {')}
    assert asking(ground, stub, 4, files=files).run() == "completed", "four may well have said the same"
    asking(ground, stub, 5, files=files)
    assert again(ground) == "failed"
    assert hits(ground, 2) == 4
    assert ground.one("SELECT count(*) FROM interactions WHERE run_id = 2 AND rule = 'same_text'") == 5

    stub.answer_with(GOOD)
    assert again(ground) == "completed"

    assert hits(ground, 3) == 0
    assert ground.items() == {f"item {n}": n for n in range(5)}


async def looked_up(hand: Hand) -> tuple[Wave, Recalled]:
    """Claim a wave of the step `ask`, and find what was answered before."""
    folder, database = hand.engine.folder, hand.engine.database
    steps = Steps(database, folder=folder, work_dir=folder / "work", environ={})
    [server] = hand.engine.runner().servers
    await hand.seed(4, step="ask")
    await hand.sql("UPDATE items SET text = 'number ' || mod(item_id, 4) || '.'")
    wave = await hand.claim("ask")
    prepared = await prepare(database, steps, wave.items)
    weights = await server.driver.digest("stub")
    return wave, await look_up(database, server.driver, weights, prepared.ready, Texts())


def test_what_is_doubted_while_it_is_looked_up_is_asked_again(ground: Ground, stub: OpenAIStub):
    asking(ground, stub).run()
    ground.sql("DELETE FROM items")

    async def recall(hand: Hand) -> None:
        wave, found = await looked_up(hand)
        assert (len(found.hits), len(found.left)) == (4, 0)
        await hand.sql("UPDATE interactions SET rule = 'same_text' WHERE output ~ '[12]' AND run_id = 1")
        taken = await take(hand.engine.database, wave, found.hits)
        assert (taken.done, len(taken.left)) == (2, 2)
        assert {ready.prompt for ready in taken.left} == {f"Which number? number {n}." for n in (1, 2)}
        assert all(ready.recorded is None for ready in taken.left)

    by_hand(ground, recall)


def test_a_recorded_answer_that_the_database_refuses_is_asked_for_and_the_others_are_taken(
    ground: Ground, stub: OpenAIStub
):
    asking(ground, stub).run()
    ground.sql("DELETE FROM items")

    async def recall(hand: Hand) -> None:
        wave, found = await looked_up(hand)
        ready, move = found.hits[1]
        found.hits[1] = (ready, move._replace(writes=(Write(table="items", values={"words": "many"}),)))
        taken = await take(hand.engine.database, wave, found.hits)
        assert taken.done == 3
        assert [one.prompt for one in taken.left] == [ready.prompt]

    by_hand(ground, recall)


def test_a_retry_asks_though_another_record_was_answered_meanwhile(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"text": "no JSON", "times": 1}, SAME)
    asking(ground, stub, 2, texts={0: "number 1."}, slots=1, attempts=2)
    assert ground.run() == "completed"
    assert len(stub.requests()) == 3
    assert hits(ground, 1) == 0


def test_a_retry_that_somebody_orders_asks(ground: Ground, stub: OpenAIStub):
    stub.answer_with({"text": "no JSON", "times": 1}, SAME)
    asking(ground, stub, 2, texts={0: "number 1."}, slots=1)
    assert ground.run() == "failed"
    assert len(stub.requests()) == 2
    ground.do(lambda engine: engine.orders().retry(Subject.RUN, "1", Filter(state="quarantined")))
    assert ground.do(lambda engine: run_to_end(engine, 1)) == "completed"
    assert len(stub.requests()) == 3
    assert hits(ground, 1) == 0


def test_no_cache_asks_and_its_answers_count_from_then_on(ground: Ground, stub: OpenAIStub):
    asking(ground, stub).run()
    stub.answer_with({"match": r"number (\d+)\.", "text": '{"n": 10\\1}'})
    ground.sql("DELETE FROM items")
    wave(ground, "run", "work", "--no-cache")
    assert len(stub.requests()) == 8
    assert again(ground) == "completed"
    assert len(stub.requests()) == 8
    assert ground.items() == {f"item {n}": 100 + n for n in range(4)}
    told = [
        json.loads(row["data"])
        for row in ground.sql("SELECT data FROM interaction_events WHERE type = 'run_started' ORDER BY run_id")
    ]
    assert [one.get("asks_anew", False) for one in told] == [False, True, False]


def test_a_step_that_opts_out_keeps_no_answers(ground: Ground, stub: OpenAIStub):
    asking(ground, stub, steps=ASK.replace("next:", "cache: false, next:") + SAVE_STEP).run()
    again(ground)
    assert (len(stub.requests()), ground.one("SELECT count(*) FROM answers")) == (8, 0)


@pytest.mark.parametrize(("word", "requests"), [("", 8), ("cache: true, ", 4)])
def test_a_model_that_opts_out_is_overruled_by_a_step(ground: Ground, stub: OpenAIStub, word: str, requests: int):
    asking(ground, stub, steps=ASK.replace("next:", f"{word}next:") + SAVE_STEP, more="cache = false\n").run()
    again(ground)
    assert len(stub.requests()) == requests


def test_an_answer_that_another_contract_refuses_is_asked_for_again_at_its_first_attempt(
    ground: Ground, stub: OpenAIStub
):
    asking(ground, stub).run()
    stub.answer_with({"match": r"number (\d+)\.", "text": '{"n": 10\\1}'})
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text().replace("next: save}", "accept: output.n >= 3, next: save}"))
    assert again(ground) == "completed"
    assert ground.items() == {"item 0": 100, "item 1": 101, "item 2": 102, "item 3": 3}
    assert ground.one("SELECT max(attempt) FROM interactions WHERE run_id = 2") == 1


@pytest.mark.parametrize("change", ["another option", "another schema", "another name of the same server"])
def test_another_question_is_asked(ground: Ground, stub: OpenAIStub, change: str):
    asking(ground, stub).run()
    toml = (ground.folder / "wave.toml").read_text()
    match change:
        case "another option":
            ground.write("wave.toml", toml.replace('api = "chat"', 'api = "chat", temperature = 0.5'))
        case "another schema":
            ground.write("schemas/n.json", NUMBER.replace('"integer"', '"integer", "maximum": 500'))
        case _:
            ground.write("wave.toml", toml.replace('model = "stub"', 'model = "other"'))
    assert again(ground) == "completed"
    assert (len(stub.requests()), hits(ground, 2)) == (8, 0)


def test_what_was_forgotten_is_asked_again(ground: Ground, stub: OpenAIStub):
    asking(ground, stub).run()
    ground.sql(
        "DELETE FROM answers WHERE (run_id, interaction_id) IN (SELECT run_id, interaction_id FROM interactions "
        "JOIN records USING (record_id) WHERE key = 'item 1')"
    )
    assert again(ground) == "completed"
    assert asked(stub, since=4) == {"Which number? number 1.": 1}


def test_a_hit_counts_as_an_interaction_and_not_as_a_call_and_reserves_nothing(ground: Ground, stub: OpenAIStub):
    asking(ground, stub, more='options = {api = "chat", max_tokens = 20}\n').run()
    workflow = ground.folder / "workflows/work.yaml"
    limits = "limits: {model_calls_per_run: 1, tokens_per_run: 1, interactions_per_record: 2}\n"
    workflow.write_text(workflow.read_text() + limits)
    assert again(ground) == "completed"
    assert ground.one("SELECT count(*) FROM ledger WHERE run_id = 2") == 0
    [used] = ground.sql("SELECT interactions, model_calls, tokens FROM spending WHERE record_id = 0")
    assert used == {"interactions": 10, "model_calls": 0, "tokens": 0}
    workflow.write_text(workflow.read_text().replace("interactions_per_record: 2", "interactions_per_run: 3"))
    assert again(ground) == "failed"
    assert set(ground.troubles().values()) == {"limit_interactions_per_run"}
    assert len(stub.requests()) == 4


WAVES_OF_RUN = """
    SELECT w.size, count(*) AS ended FROM waves w JOIN interactions i USING (wave_id) JOIN run_steps USING (run_step_id)
    JOIN steps s USING (step_id) WHERE i.run_id = %s AND s.name = 'ask' GROUP BY w.wave_id, w.size
"""


def test_a_wave_of_hits_is_followed_by_a_large_one_and_what_it_cannot_ask_goes_back_uncharged(
    ground: Ground, stub: OpenAIStub
):
    asking(ground, stub, 40, slots=1).run()
    assert again(ground) == "completed"
    assert hits(ground, 2) == 40
    assert len(ground.sql(WAVES_OF_RUN, 2)) < 20, "a wave for each, as long as nothing is measured"

    ground.sql(
        "DELETE FROM answers WHERE interaction_id IN (SELECT interaction_id FROM interactions "
        "JOIN records USING (record_id) WHERE key > 'item 2')"
    )
    assert again(ground) == "completed"

    assert len(stub.requests()) == 40 + 40 - hits(ground, 3)
    assert any(wave["ended"] < wave["size"] for wave in ground.sql(WAVES_OF_RUN, 3)), "more was claimed than asked"
    assert ground.one("SELECT max(attempt) FROM interactions WHERE run_id = 3") == 1


def test_a_server_that_is_away_keeps_nobody_from_what_is_known_and_the_rest_waits_uncharged(ground: Ground, tmp_path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        asking(ground, stub, 6, slots=6).run()
        port = int(stub.url.rsplit(":", 1)[1].split("/")[0])
    ground.sql(
        "DELETE FROM answers WHERE interaction_id IN (SELECT interaction_id FROM interactions "
        "JOIN records USING (record_id) WHERE key IN ('item 1', 'item 4'))"
    )
    ground.sql("DELETE FROM items")

    async def until_in_trouble(engine) -> int:
        run_id = await start_run(engine)
        async with at_work(engine) as runner:

            async def trouble() -> str:
                return str(runner.trouble() or "")

            assert "cannot be reached" in await until(trouble)
        return run_id

    run_id = ground.do(until_in_trouble)

    left = ground.sql(
        "SELECT key, state::text AS state, attempt, errors FROM interactions JOIN records USING (record_id) "
        "WHERE run_id = 2 AND state <> 'completed'"
    )
    waiting = [row for row in left if row["state"] == "pending"]
    assert {(row["attempt"], row["errors"]) for row in waiting} == {(0, 0)}
    assert {"item 1", "item 4"} <= {row["key"] for row in waiting}
    assert hits(ground, 2) >= 1
    with OpenAIStub(tmp_path / "back", [GOOD], port=port) as back:
        assert ground.do(lambda engine: run_to_end(engine, run_id)) == "completed"
        assert asked(back)["Which number? number 1."] == 1
    assert ground.items() == {f"item {n}": n for n in range(6)}


def test_a_server_that_is_tried_is_asked_though_the_answer_is_known(ground: Ground, stub: OpenAIStub):
    asking(ground, stub).run()
    ground.sql(
        "INSERT INTO breakers (kind, name, position, failures, trips, opened_at, retry_at, error_class, reason) "
        "VALUES ('server', 'stub', 'open', 3, 1, clock_timestamp(), clock_timestamp(), 'transient', 'it was away')"
    )
    assert again(ground) == "completed"
    assert ground.one("SELECT position FROM breakers WHERE kind = 'server'") == "closed"
    assert (len(stub.requests()), hits(ground, 2)) == (5, 3)
