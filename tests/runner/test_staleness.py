"""What no longer matches its inputs and definitions is found, with the reason, and redone; nothing else is."""

from __future__ import annotations

import pytest
from tests.runner.test_repair import LABEL, MORE, STEPS, in_force, rerun, undo, values, work
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, rows

from wave_runner.core.staleness import Why
from wave_runner.engine import Engine
from wave_runner.runner.staleness import Staleness


def stale(ground: Ground) -> Staleness:
    return ground.do(lambda engine: engine.redoing().stale("work"))


def told(found: Staleness) -> set[tuple[str, str, tuple[Why, ...]]]:
    return {(one.current.key, one.current.step, one.why) for one in found.stale}


@pytest.fixture
def done(ground: Ground) -> Ground:
    ground.project(rows=rows(4), steps=STEPS, actors={"label": LABEL})
    assert ground.run() == "completed"
    return ground


def test_of_what_has_just_been_made_nothing_is_stale(done: Ground):
    found = stale(done)
    assert (found.looked_at, found.stale, found.follows) == (8, [], 0)


def test_a_changed_column_that_is_read_makes_stale_and_one_that_is_not_does_not(done: Ground):
    done.sql("UPDATE items SET note = 'new' WHERE name = 'item 0001'")
    assert stale(done).stale == []
    done.sql("UPDATE items SET text = 'five words are there now' WHERE name = 'item 0001'")
    found = stale(done)
    assert told(found) == {("item 0001", "count", (Why.INPUT,))}
    assert found.follows == 1


def test_a_changed_script_makes_all_its_results_stale_and_a_changed_limit_none(done: Ground):
    done.write(
        "wave.toml",
        (done.folder / "wave.toml").read_text() + '\n[scripts.label]\nentry = "actors/label.py"\ntimeout_s = 9\n',
    )
    assert stale(done).stale == []
    done.write("actors/count.py", MORE)
    assert told(stale(done)) == {(f"item {n:04}", "count", (Why.SCRIPT,)) for n in range(4)}


def test_exactly_what_is_stale_is_redone_with_what_it_led_to(done: Ground):
    before = in_force(done)
    done.sql("UPDATE items SET text = 'five words are there now' WHERE name = 'item 0001'")
    started = rerun(done, None)
    assert (started.records, started.redone, started.superseded) == (1, 1, 2)
    assert work(done) == "completed"
    assert values(done)["item 0001"] == (5, ["has 5"])
    assert {one for one in before if one[0] != "item 0001"} <= in_force(done)
    assert stale(done).stale == []
    undo(done)
    work(done)
    assert told(stale(done)) == {("item 0001", "count", (Why.INPUT,))}


def test_stale_results_of_several_steps_are_redone_at_once_each_record_from_its_first(done: Ground):
    done.sql("UPDATE items SET text = 'five words are there now' WHERE name = 'item 0001'")
    done.write("actors/label.py", LABEL + "# a new version\n")
    assert len(stale(done).stale) == 5
    started = rerun(done, None)
    assert (started.records, started.redone, started.superseded) == (4, 4, 5)
    assert work(done) == "completed"
    assert stale(done).stale == []


def test_what_is_stale_is_looked_for_before_the_transaction_that_redoes_it(done: Ground):
    """One that is open meanwhile is ended by the server after five seconds, and looking may take minutes."""
    done.sql("UPDATE items SET text = 'five words are there now' WHERE name = 'item 0001'")

    async def redo(engine: Engine) -> tuple[str, int]:
        choice = await engine.redoing().as_taken(engine.redoing().choice("work", None))
        found = await engine.repair().preview(choice)
        return found.mark, (await engine.redoing().rerun(choice, reason="it is stale", expect=found.mark)).records

    mark, records = done.do_alone(redo)
    assert (mark[:2], records) == ("1-", 1)


def test_a_row_that_is_gone_is_said_and_is_not_stale(done: Ground):
    done.sql("DELETE FROM tags WHERE item_id = (SELECT item_id FROM items WHERE name = 'item 0002')")
    done.sql("DELETE FROM items WHERE name = 'item 0002'")
    found = stale(done)
    assert (found.vanished, found.stale) == ({"item 0002"}, [])
    done.tampered = True


MODEL = """
[servers.stub]
driver = "openai"
url = "{url}"

[models.m]
server = "stub"
model = "{model}"
options = {{temperature = {temperature}}}
"""
ASK = "ask: {model: m, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/n.json, next: end}\n"
FILES = {"prompts/ask.md": "How many? {{ text }}", "schemas/n.json": '{"type": "object", "required": ["n"]}'}


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("prompts/ask.md", "How many words? {{ text }}", (Why.PROMPT,)),
        ("schemas/n.json", '{"type": "object", "required": ["n"], "properties": {"n": {}}}', (Why.SCHEMA,)),
        ("temperature", "0.7", (Why.MODEL,)),
        ("model", "other", (Why.MODEL,)),
    ],
)
def test_what_a_model_was_asked_with_is_compared(ground: Ground, tmp_path, path: str, text: str, why: tuple[Why, ...]):
    with OpenAIStub(tmp_path / "stub", [{"json": {"n": 4}}], ["one", "other"]) as stub:
        given = {"url": stub.url, "model": "one", "temperature": "0.5"}
        ground.project(rows=rows(2), steps=ASK, files=FILES, toml=MODEL.format(**given))
        assert ground.run() == "completed"
        assert stale(ground).stale == []
        if path in given:
            ground.project(rows=rows(2), steps=ASK, files=FILES, toml=MODEL.format(**{**given, path: text}))
        else:
            ground.write(path, text)
        assert {one[2] for one in told(stale(ground))} == {why}


def test_a_model_that_has_other_weights_now_makes_its_results_stale(ground: Ground, tmp_path):
    with OpenAIStub(tmp_path / "stub", [{"json": {"n": 4}}], ["one"]) as stub:
        toml = MODEL.format(url=stub.url, model="one", temperature=0)
        ground.project(rows=rows(2), steps=ASK, files=FILES, toml=toml)
        assert ground.run() == "completed"
        ground.sql("UPDATE visits SET digest = 'sha256:1'")
        assert stale(ground).stale == []
        ground.sql(
            "INSERT INTO visits (runner_id, server, model, digest, loaded, load_us) "
            "SELECT runner_id, server, model, 'others', true, 1 FROM visits ORDER BY visit_id LIMIT 1"
        )
        assert {one[2] for one in told(stale(ground))} == {(Why.WEIGHTS,)}
