"""Where values come from: models, scripts, people, recorded answers; and what is said where a link is broken."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, run_to_end, script

from wave_runner.core.health import Check, Verdict
from wave_runner.core.provenance import Standing
from wave_runner.errors import NotFoundError
from wave_runner.reports.doctor import value_checks
from wave_runner.reports.explain import Explanation
from wave_runner.reports.explain import explain as read_explanation
from wave_runner.reports.work import Work

pytest_plugins = ["tests.support.database"]

FORM = json.dumps(
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
)
STEPS = """\
ask:
  model: judge
  prompt: prompts/ask.md
  input: {text: {from: record.text, max_chars: 12}}
  output: schemas/n.json
  next: save
save: {actor: save, input: {n: ask.n, name: record.name}, writes: [items.words, tags], next: end}
"""
REVIEW = "review: {human: reviewers, form: schemas/n.json, input: {n: ask.n}, next: %s}\n"
SAVE = script(
    "ctx.write('items', {'words': item['n']})\n"
    "ctx.replace('tags', [{'tag': f'{n}'} for n in range(item['n'])])\n"
    "return {}"
)
TOML = """\
[servers.stub]
driver = "openai"
url = "{url}"

[models.judge]
server = "stub"
model = "stub"
options = {{api = "chat", temperature = 0.0}}
price = {{input = 2.0, output = 4.0}}
"""
USAGE = {"prompt_tokens": 9, "completion_tokens": 3}
RULES = [{"match": r"number (\d+)", "text": '{"n": \\1}', "beside": {"usage": USAGE}}]
ROWS = [{"name": "two", "text": "number 2 and more than is read"}, {"name": "three", "text": "number 3"}]


@pytest.fixture
def asking(ground: Ground, tmp_path) -> Iterator[Ground]:
    """A project whose model finds the number in each item's text; a script saves it, and as many tags."""
    with OpenAIStub(tmp_path / "stub", RULES) as stub:
        ground.write("url", stub.url)
        yield flow(ground, STEPS)


def flow(ground: Ground, steps: str) -> Ground:
    """Write the project with these steps."""
    return ground.project(
        rows=ROWS,
        steps=steps,
        actors={"save": SAVE},
        toml=TOML.format(url=(ground.folder / "url").read_text(encoding="utf-8")),
        files={"prompts/ask.md": "Which? {{ text }}", "schemas/n.json": FORM},
        ensures=["record.words != null"],
    )


def explain(ground: Ground, name: str = "items.words", key: str = "two") -> Explanation:
    async def ask(engine):
        return await read_explanation(engine.database, name, key=key, collections=engine.project().collections)

    return ground.do(ask)


def again(ground: Ground) -> None:
    """Bring the same rows in anew, with what the folder holds now, and run."""
    ground.sql("DELETE FROM tags")
    ground.sql("DELETE FROM items")

    async def run(engine):
        await engine.sync(dev=True)
        return await run_to_end(engine, await engine.new_runs().start("work", {}))

    assert ground.do(run) == "completed"


def hashes(ground: Ground, kind: str, name: str) -> list[str]:
    """Return the hashes of all definitions of a name, the oldest first."""
    query = (
        "SELECT encode(sha256, 'hex') AS sha256 FROM definitions WHERE kind = %s AND name = %s ORDER BY definition_id"
    )
    return [row["sha256"] for row in ground.sql(query, kind, name)]


def by_step(found: Explanation) -> dict[str, Work]:
    return {one.step: one for one in found.works}


def test_a_value_is_explained_back_to_the_row_that_was_fetched(asking: Ground):
    assert asking.run() == "completed"
    found = explain(asking)
    assert (found.standing, found.now, found.missing) == (Standing.AS_WRITTEN, 2, [])
    assert [one.step for one in found.works] == ["save", "ask", "check", "fetch"]
    assert [one.step for one in found.causes][-1] == "save"
    assert found.causes[0].event.endswith(".1")
    assert found.promotion is not None
    assert (found.promotion.source, found.promotion.position) == ("rows", 1)
    written = asking.sql(
        "SELECT interaction_id, encode(after_sha256, 'hex') AS sha256 FROM value_writes JOIN records USING (record_id) "
        "WHERE key = 'two' AND column_name = 'words'"
    )[0]
    assert found.writer is not None
    assert (found.writer.interaction_id, found.sha256) == (written["interaction_id"], written["sha256"])


def test_a_models_part_names_the_prompt_as_it_was_sent_its_weights_its_options_and_what_it_cost(asking: Ground):
    asking.run()
    ask = by_step(explain(asking))["ask"]
    assert ask.rendered == "Which? number 2 and"
    assert ask.answer is not None
    assert '{\\"n\\": 2}' in ask.answer
    assert ask.output == {"n": 2}
    assert ask.model is not None
    assert ask.model.options == {"api": "chat", "temperature": 0.0}
    assert ask.model.digest == asking.one("SELECT DISTINCT digest FROM visits")
    assert (ask.tokens_in, ask.tokens_out, str(ask.cost)) == (9, 3, "0.000030000")
    assert ask.prompt is not None
    assert ask.prompt.sha256 == asking.one(
        "SELECT encode(sha256, 'hex') FROM definitions WHERE name = 'prompts/ask.md'"
    )


def test_what_was_read_is_named_with_its_source_and_whether_it_still_stands(asking: Ground):
    asking.run()
    asking.sql("UPDATE items SET text = 'number 2 and something else' WHERE name = 'two'")
    works = by_step(explain(asking))
    assert [(read.name, read.source, read.cut_from, read.stands) for read in works["ask"].reads] == [
        ("text", "record.text", 30, False)
    ]
    assert [(read.source, read.interaction_ids, read.stands) for read in works["save"].reads] == [
        ("ask.n", (works["ask"].interaction_id,), None),
        ("record.name", (), True),
    ]


def test_who_approved_what_is_that_of_the_time_when_the_run_began(asking: Ground):
    asking.run()
    first = by_step(explain(asking))["save"].approved
    asking.write("actors/save.py", SAVE + "\n# later\n")
    again(asking)
    second = by_step(explain(asking))["save"].approved
    assert first is not None
    assert second is not None
    assert first.sha256 != second.sha256
    approved = (
        "SELECT encode(sha256, 'hex') FROM definitions WHERE kind = 'actor' AND name = 'save' ORDER BY approved_at"
    )
    assert [first.sha256, second.sha256] == [row["encode"] for row in asking.sql(approved)]


def test_a_list_is_explained_as_a_whole_by_any_of_its_columns(asking: Ground):
    asking.run()
    for name in ("tags", "tags.tag"):
        found = explain(asking, name, "three")
        assert found.column == "*"
        assert [row["tag"] for row in found.now] == ["0", "1", "2"]
        assert (found.standing, found.missing) == (Standing.AS_WRITTEN, [])
        assert found.works[0].step == "save"


def test_a_column_that_came_with_the_row_is_explained_by_its_staged_row(asking: Ground):
    asking.run()
    found = explain(asking, "items.text")
    assert (found.writer, found.standing, found.missing) == (None, None, [])
    assert [one.step for one in found.works] == ["check", "fetch"]
    assert found.promotion is not None
    assert found.promotion.decider_id == found.works[0].interaction_id


def decide(ground: Ground, *numbers: int) -> None:
    """Decide what waits as ann, in order, and work until the run has ended."""

    async def act(engine):
        for number in numbers:
            task = await engine.people("ann").claim(queue="reviewers")
            await engine.people("ann").decide(task.task, {"n": number}, comment="counted by hand")
        return await run_to_end(engine, 1)

    assert ground.do(act) == "completed"


def test_every_earlier_value_is_there_with_who_wrote_it(asking: Ground):
    flow(
        asking,
        STEPS.replace("tags], next: end", "tags], next: review")
        + REVIEW % "correct"
        + "correct: {actor: save, input: {n: review.n}, writes: [items.words, tags], next: end}\n",
    )
    assert asking.run() == "waiting"
    asking.sql("UPDATE items SET words = 99 WHERE name = 'three'")
    decide(asking, 5, 5)
    found = explain(asking)
    assert (found.now, found.missing) == (5, [])
    [earlier] = found.earlier
    assert earlier.writer is not None
    assert (earlier.value, earlier.writer.step) == (2, "save")
    [outside] = explain(asking, key="three").earlier
    assert (outside.value, outside.writer) == (99, None)
    [tags] = explain(asking, "tags").earlier
    assert [row["tag"] for row in tags.value] == ["0", "1"]
    assert tags.writer is not None
    asking.tampered = True
    with asking.superuser() as connection:
        connection.execute("UPDATE payloads SET content = '98' WHERE content = '99'")
    assert "is not what its hash says" in explain(asking, key="three").missing[0]


def test_a_write_that_is_out_of_force_is_no_more_than_an_earlier_one(asking: Ground):
    twice = STEPS.replace("tags], next: end", "tags], next: correct")
    flow(asking, twice + "correct: {actor: save, input: {n: ask.n}, writes: [items.words, tags], next: end}\n")
    asking.run()
    asking.sql("UPDATE items SET words = 6 WHERE name = 'two'")
    values = "UPDATE value_writes SET after_sha256 = sha256('6') WHERE column_name = 'words' AND interaction_id = %s"
    writer = explain(asking).writer
    assert writer is not None
    asking.tampered = True
    asking.sql(values, writer.interaction_id)
    assert (writer.step, explain(asking).standing) == ("correct", Standing.AS_WRITTEN)
    assert outside(asking)["values items.words"].verdict is Verdict.OK
    asking.sql("UPDATE interactions SET in_force = false WHERE interaction_id = %s", writer.interaction_id)
    found = explain(asking)
    assert found.writer is not None
    assert (found.writer.step, found.standing) == ("save", Standing.CHANGED_OUTSIDE)
    assert outside(asking)["values items.words"].verdict is Verdict.WARNING


def outside(ground: Ground) -> dict[str, Check]:
    async def look(engine):
        return await value_checks(engine.database, engine.project().collections)

    return {one.name: one for one in ground.do(look)}


def test_a_recorded_answer_is_explained_by_the_call_that_gave_it(asking: Ground):
    asking.run()
    called = by_step(explain(asking))["ask"]
    again(asking)
    recalled = by_step(explain(asking))["ask"]
    assert recalled.interaction_id != called.interaction_id
    assert recalled.from_cache is not None
    assert recalled.from_cache.interaction_id == called.interaction_id
    assert (recalled.rendered, recalled.answer, recalled.model) == (called.rendered, called.answer, called.model)
    assert (recalled.cost, recalled.missing) == (None, [])


def test_a_person_who_decided_is_named_with_what_was_said(asking: Ground):
    reviewed = STEPS.replace("  next: save\n", "  next: review\n").replace("{n: ask.n", "{n: [review.n, ask.n]")
    flow(asking, reviewed + REVIEW % "save")
    assert asking.run() == "waiting"
    decide(asking, 1, 1)
    found = explain(asking)
    assert [one.step for one in found.works] == ["save", "review", "ask", "check", "fetch"]
    [decision] = by_step(found)["review"].decisions
    assert (decision.person, decision.answer, decision.comment) == ("ann", {"n": 1}, "counted by hand")
    assert (found.now, found.missing) == (1, [])


def test_what_somebody_else_has_written_since_is_said(asking: Ground):
    asking.run()
    asking.sql("UPDATE items SET words = 7 WHERE name = 'two'")
    assert explain(asking).standing is Standing.CHANGED_OUTSIDE
    assert explain(asking, key="three").standing is Standing.AS_WRITTEN
    asking.sql("DELETE FROM tags")
    assert explain(asking, "tags").standing is Standing.CHANGED_OUTSIDE
    asking.sql("DELETE FROM items WHERE name = 'two'")
    assert explain(asking).standing is Standing.ROW_GONE


BROKEN = {
    "the request of ask (interaction {ask}) is not stored any more": "DELETE FROM payloads WHERE role = 'request'",
    "the answer of ask (interaction {ask}) is not what its event has committed to": "UPDATE payloads SET content = 'x' "
    "WHERE role = 'answer'",
    "the output of ask (interaction {ask}) is not what its event has committed to": "UPDATE interactions "
    "SET output = '{\"n\":3}' WHERE output = '{\"n\":2}'",
    "no event says how ask (interaction {ask}) ended": "DELETE FROM interaction_events WHERE step = 'ask' "
    "AND type = 'interaction_completed'",
    "the weights that have answered ask (interaction {ask}) are not recorded": "UPDATE waves SET visit_id = NULL",
    "nothing that was approved of judge is what ask (interaction {ask}) has pinned": "UPDATE definitions "
    "SET approved_at = NULL, approved_by = NULL WHERE name = 'judge' AND kind = 'actor'",
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_broken_link_is_named(asking: Ground, said: str):
    asking.run()
    ask = by_step(explain(asking))["ask"].interaction_id
    asking.tampered = True
    with asking.superuser() as connection:
        connection.execute("ALTER TABLE interaction_events_r1 DISABLE TRIGGER ALL")
        connection.execute(BROKEN[said])
    assert said.format(ask=ask) in explain(asking).missing


@pytest.mark.parametrize(
    ("name", "key", "why"),
    [
        ("items.words", "nobody", "no record 'nobody'"),
        ("items.word", "two", "no column word"),
        ("item.words", "two", "no collection has a table"),
        ("tags.tag", "two", "no step has written"),
    ],
)
def test_what_is_not_there_is_an_error_with_what_is(asking: Ground, name: str, key: str, why: str):
    asking.project(rows=[{"name": "two", "text": "two words"}])
    asking.run()
    with pytest.raises(NotFoundError, match=why):
        explain(asking, name, key)
