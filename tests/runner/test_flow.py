"""A record's way through forks, joins, loops and lists, and what becomes of it when a step breaks."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground, rows, run_to_end, script

from wave_runner.core.control import Subject
from wave_runner.core.flow import Place, Settled
from wave_runner.core.interaction import State
from wave_runner.core.routing import Way
from wave_runner.store import runs

PASS_ON = script("return dict(item)")

# Flow G: two graders, a join, and an improver that may go back once before a person would be asked.
FLOW_G = """\
summarise: {actor: summarise, input: {text: record.text}, output: schemas/summary.json, next: {all: [grade_a, grade_b]}}
grade_a: {actor: grade, input: {by: summarise.a}, output: schemas/verdict.json, next: meet}
grade_b: {actor: other_grade, input: {by: summarise.b}, output: schemas/verdict.json, next: meet}
meet:
  after: [grade_a, grade_b]
  input: {a: grade_a.verdict, b: grade_b.verdict}
  next: {when: [{if: "input.a == 'PASS' && input.b == 'PASS'", to: save}], else: improve}
improve: {actor: pass_on, next: regrade}
regrade:
  actor: grade
  input: {by: summarise.again}
  output: schemas/verdict.json
  route: {on: verdict, PASS: save, FAIL: {loop: improve, max: 1, else: ticket}}
ticket: {actor: pass_on, next: end}
save: {actor: save, input: {by: summarise.a}, writes: [items.words], next: end}
"""

VERDICT = '{"type": "object", "properties": {"verdict": {"enum": ["PASS", "FAIL"]}}, "required": ["verdict"]}'
SUMMARY = json.dumps(
    {"type": "object", "properties": {name: {"enum": ["PASS", "FAIL"]} for name in ("a", "b", "again")}}
)
GRADERS = {
    "pass_on": PASS_ON,
    "summarise": script("a, b = item['text'].split()\nreturn {'a': a, 'b': b, 'again': 'FAIL'}"),
    "grade": script("return {'verdict': item['by']}"),
    "other_grade": script("return {'verdict': item['by']}  # in waves of its own"),
    "save": script("ctx.write('items', {'words': 1})\nreturn {}"),
}
SCHEMAS = {"schemas/verdict.json": VERDICT, "schemas/summary.json": SUMMARY}


def counted(ground: Ground) -> dict[str, Counter[str]]:
    """How often each step was done, by record."""
    found = ground.sql(
        "SELECT r.key, s.name AS step FROM interactions JOIN records r USING (record_id) "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) WHERE state = 'completed'"
    )
    result: dict[str, Counter[str]] = {}
    for row in found:
        result.setdefault(row["key"], Counter())[row["step"]] += 1
    return result


def check_invariants(ground: Ground) -> None:
    """Nothing is left, numbers are dense, causes exist, and the counts are what SQL counts."""
    assert ground.one("SELECT count(*) FROM interactions WHERE finished_at IS NULL") == 0
    assert ground.one("SELECT count(*) FROM run_records WHERE live <> 0") == 0
    assert ground.one("SELECT count(*) FROM joins WHERE state = 'waiting'") == 0
    gaps = (
        "SELECT 1 FROM interactions i LEFT JOIN interaction_events e USING (run_id, interaction_id) "
        "GROUP BY i.run_id, i.interaction_id, i.seq HAVING count(e.seq) <> i.seq OR coalesce(max(e.seq), 0) <> i.seq"
    )
    assert ground.sql(gaps) == []
    uncaused = (
        "SELECT e.type::text, e.step FROM interaction_events e LEFT JOIN interaction_events c ON c.run_id = e.run_id "
        "AND c.interaction_id = e.cause_interaction_id AND c.seq = e.cause_seq AND c.event_id < e.event_id "
        "WHERE e.interaction_id IS NOT NULL AND c.event_id IS NULL AND e.step <> 'fetch'"
    )
    assert ground.sql(uncaused) == []
    drifted = (
        "SELECT run_step_id, state::text, sum(n) FROM ("
        "SELECT run_step_id, state, n FROM counts UNION ALL SELECT run_step_id, state, delta FROM count_deltas "
        "UNION ALL SELECT run_step_id, state, -1 FROM interactions WHERE in_force) AS both_ways "
        "GROUP BY 1, 2 HAVING sum(n) <> 0"
    )
    assert ground.sql(drifted) == []


def test_regression_f_both_graders_fail_and_each_record_has_one_chain_of_its_own(ground: Ground):
    """Regression test F: the join fires once per record, and no record ever has two chains."""
    pairs = [f"{a} {b}" for a in ("PASS", "FAIL") for b in ("PASS", "FAIL")]
    texts = [{"name": f"item {n:03}", "text": pairs[n % 4]} for n in range(100)]
    ground.project(rows=texts, steps=FLOW_G, actors=GRADERS, files=SCHEMAS)
    assert ground.run() == "completed"
    done = counted(ground)
    for row in texts:
        steps = done[row["name"]]
        assert (steps["grade_a"], steps["grade_b"], steps["meet"]) == (1, 1, 1)
        both_pass = row["text"] == "PASS PASS"
        assert (steps["improve"], steps["regrade"], steps["ticket"]) == ((0, 0, 0) if both_pass else (2, 2, 1))
        assert steps["save"] == both_pass
    check_invariants(ground)


def test_a_join_comes_from_both_of_its_parents_and_its_route_says_why(ground: Ground):
    ground.project(rows=[{"name": "a", "text": "PASS FAIL"}], steps=FLOW_G, actors=GRADERS, files=SCHEMAS)
    ground.run()
    sources = ground.sql(
        "SELECT s.name FROM interaction_inputs x JOIN interactions i ON i.interaction_id = x.interaction_id "
        "JOIN interactions p ON p.interaction_id = x.source_id JOIN run_steps rs ON rs.run_step_id = p.run_step_id "
        "JOIN steps s USING (step_id) JOIN run_steps mine ON mine.run_step_id = i.run_step_id "
        "JOIN steps me ON me.step_id = mine.step_id WHERE me.name = 'meet' ORDER BY 1"
    )
    assert [row["name"] for row in sources] == ["grade_a", "grade_b"]
    events = ground.sql("SELECT type::text AS type, data FROM interaction_events WHERE step = 'meet' ORDER BY event_id")
    assert [row["type"].removeprefix("interaction_") for row in events] == ["unblocked", "started", "completed"]
    assert json.loads(events[0]["data"]) == {"join": "all", "arrived": 2, "failed": 0, "skipped": 0, "not_taken": 0}
    assert json.loads(events[2]["data"])["route"] == "else"
    back = ground.sql("SELECT data FROM interaction_events WHERE step = 'regrade' AND type = 'interaction_completed'")
    assert sorted(json.loads(row["data"])["route"] for row in back) == [
        "verdict = FAIL, all 1 rounds used up",
        "verdict = FAIL, round 1 of 1",
    ]


FAILING = """\
begin: {actor: pass_on, next: {all: [bad, good]}}
bad: {actor: fails, next: {all: [child_a, child_b]}}
child_a: {actor: pass_on, next: grandchild}
child_b: {actor: pass_on, next: end}
grandchild: {actor: pass_on, next: meet}
good: {actor: pass_on, next: meet}
meet: {actor: pass_on, after: [grandchild, good], join: JOIN, next: last}
last: {actor: pass_on, next: end}
"""
FAILS = script("raise RuntimeError('told to')", options="")


@pytest.mark.parametrize(
    ("join", "meet", "last"),
    [
        ("all", {"skipped": 1}, {"skipped": 1}),
        ("any", {"completed": 1}, {"completed": 1}),
        ("settled", {"completed": 1}, {"completed": 1}),
    ],
)
def test_regression_j_a_failed_parent_settles_what_comes_after_it(ground: Ground, join: str, meet: dict, last: dict):
    """Regression test J: children and grandchild are skipped with their cause, the fan-in follows its policy."""
    ground.project(
        rows=rows(1),
        steps=FAILING.replace("JOIN", join),
        actors={"pass_on": PASS_ON, "fails": FAILS},
        toml="[scripts.fails]\nmax_attempts = 1\n",
    )
    assert ground.run() == "failed"
    for step in ("child_a", "child_b", "grandchild"):
        assert ground.states(step) == {"skipped": 1}
    causes = ground.sql(
        "SELECT DISTINCT c.step, c.type::text AS type FROM interaction_events e JOIN interaction_events c "
        "ON c.interaction_id = e.cause_interaction_id AND c.seq = e.cause_seq "
        "WHERE e.step IN ('child_a', 'child_b', 'grandchild')"
    )
    assert causes == [{"step": "bad", "type": "interaction_failed"}]
    assert (ground.states("meet"), ground.states("last")) == (meet, last)
    check_invariants(ground)


ASIDE = """\
sort: {actor: fails, output: schemas/kind.json, route: {on: kind, A: left, B: right, C: last}}
left: {actor: pass_on, next: meet}
right: {actor: pass_on, next: meet}
meet: {actor: pass_on, after: [left, right], join: JOIN, next: last}
last: {actor: pass_on, next: end}
"""
KIND = json.dumps({"type": "object", "properties": {"kind": {"enum": ["A", "B", "C"]}}, "required": ["kind"]})


@pytest.mark.parametrize(("join", "behind"), [("all", {"skipped": 2}), ("settled", {"completed": 2})])
def test_a_step_that_is_reached_past_a_join_or_through_it_is_there_once(ground: Ground, join: str, behind: dict):
    """It was skipped by the step that broke and again by the join, or done by it, and the runner stopped."""
    ground.project(
        rows=rows(2),
        steps=ASIDE.replace("JOIN", join),
        actors={"pass_on": PASS_ON, "fails": FAILS},
        files={"schemas/kind.json": KIND},
        toml="[scripts.fails]\nmax_attempts = 1\n",
    )
    assert ground.run() == "failed"
    assert (ground.states("left"), ground.states("right")) == ({"skipped": 2}, {"skipped": 2})
    assert (ground.states("meet"), ground.states("last")) == (behind, behind)
    check_invariants(ground)


def test_a_step_before_the_records_that_fails_just_fails_its_run(ground: Ground):
    """Regression: it settled inputs of the joins behind `each: promoted` once, of no record, and the runner stopped."""
    toml = "[scripts.check]\nmax_attempts = 1\n"
    check = script(
        "for batch in ctx.staging.batches():\n    raise RuntimeError('told to')\nctx.staging.decide([])",
        options="staging = True",
    )
    ground.project(
        rows=rows(2),
        steps=FAILING.replace("JOIN", "all"),
        actors={"pass_on": PASS_ON, "fails": FAILS, "check": check},
        toml=toml,
    )
    assert ground.run() == "failed"
    assert (ground.states("fetch"), ground.states("check")) == ({"completed": 1}, {"failed": 1})
    assert ground.one("SELECT reason FROM workflow_runs") == "step_failed"
    assert ground.one("SELECT count(*) FROM joins") == 0
    check_invariants(ground)


def test_a_step_before_the_records_is_cancelled_with_its_run(ground: Ground):
    ground.project(rows=rows(2), steps=FAILING.replace("JOIN", "all"), actors={"pass_on": PASS_ON, "fails": FAILS})
    run_id = ground.start()
    assert ground.do(lambda engine: engine.orders().cancel(Subject.RUN, str(run_id))) == 1
    assert ground.do(lambda engine: run_to_end(engine, run_id)) == "cancelled"
    assert (ground.states("fetch"), ground.states("check")) == ({"cancelled": 1}, {"skipped": 1})
    check_invariants(ground)


def test_a_failure_that_the_workflow_handles_leaves_the_record_complete(ground: Ground):
    steps = """\
first: {actor: fails, on_failure: plan_b, next: never}
never: {actor: pass_on, next: end}
plan_b: {actor: count, input: {text: record.text}, writes: [items.words], next: end}
"""
    ground.project(
        rows=rows(2),
        steps=steps,
        actors={"pass_on": PASS_ON, "fails": FAILS},
        toml="[scripts.fails]\nmax_attempts = 1\n",
        ensures=["record.words == 4"],
    )
    assert ground.run() == "completed"
    assert (ground.states("first"), ground.states("never"), ground.states("plan_b")) == (
        {"failed": 2},
        {},
        {"completed": 2},
    )
    check_invariants(ground)


def test_a_record_that_is_quarantined_goes_where_on_quarantine_says(ground: Ground):
    steps = """\
first: {actor: count, input: {text: record.text}, require: size(text) > 100, on_quarantine: note, next: end}
note: {actor: pass_on, next: end}
"""
    ground.project(rows=rows(1), steps=steps, actors={"pass_on": PASS_ON})
    assert ground.run() == "completed"
    assert (ground.states("first"), ground.states("note")) == ({"quarantined": 1}, {"completed": 1})
    [event] = ground.sql("SELECT data FROM interaction_events WHERE type = 'interaction_quarantined'")
    assert json.loads(event["data"]) == {
        "attempt": 0,
        "called": False,
        "route": "on_quarantine",
        "rule": "require",
        "to": ["note"],
    }


LIST_STEPS = """\
cut: {actor: cut, input: {text: record.text}, output: schemas/words.json, next: {each: words, to: measure}}
measure: {actor: measure, input: {word: item}, next: sum}
sum: {actor: sum, after: [measure], input: {sizes: measure.size}, writes: [items.words], next: end}
"""
LIST_ACTORS = {
    "cut": script("return {'words': item['text'].split()}"),
    "measure": script("return {'size': len(item['word'])}"),
    "sum": script("ctx.write('items', {'words': sum(item['sizes'])})\nreturn {'sizes': item['sizes']}"),
}
WORDS = '{"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}}'


def test_a_list_is_done_item_by_item_and_its_join_gets_the_results_in_order(ground: Ground):
    texts = [{"name": "a", "text": "one three fourteen"}, {"name": "b", "text": "x"}, {"name": "none", "text": ""}]
    files = {"schemas/words.json": WORDS}
    ground.project(rows=texts, steps=LIST_STEPS, actors=LIST_ACTORS, files=files)
    assert ground.run() == "completed"
    assert ground.items() == {"a": 3 + 5 + 8, "b": 1, "none": None}
    [given] = ground.sql(
        "SELECT input FROM interactions JOIN records USING (record_id) JOIN run_steps USING (run_step_id) "
        "JOIN steps s USING (step_id) WHERE s.name = 'sum' AND key = 'a'"
    )
    assert json.loads(given["input"]) == {"sizes": [3, 5, 8]}
    assert ground.states("measure") == {"completed": 4}
    check_invariants(ground)


@pytest.mark.parametrize("in_one_chunk", [True, False])
def test_two_parents_that_end_at_once_let_their_join_go_once(ground: Ground, in_one_chunk: bool):
    steps = """\
begin: {actor: pass_on, next: {all: [a, b]}}
a: {actor: pass_on, next: meet}
b: {actor: pass_on, next: meet}
meet: {actor: pass_on, after: [a, b], next: end}
"""
    ground.project(rows=rows(0), steps=steps, actors={"pass_on": PASS_ON})

    async def at_once(hand: Hand):
        await hand.seed(20, step="begin")
        wave = await hand.claim("begin")
        await hand.begin(wave)
        await hand.finish(wave, [arrive(hand, item, "a", "b") for item in wave.items])
        if in_one_chunk:
            wave = await hand.claim("a", size=40)
            await hand.begin(wave)
            await hand.finish(wave, [arrive(hand, item, "meet") for item in wave.items])
        else:
            other = await hand.other()
            waves = [await hand.claim("a", size=20), await other.claim("a", size=20)]
            for who, wave in zip((hand, other), waves, strict=True):
                await who.begin(wave)
            await asyncio.gather(
                *(
                    who.finish(wave, [arrive(who, item, "meet") for item in reversed(wave.items)])
                    for who, wave in zip((hand, other), waves, strict=True)
                )
            )

    by_hand(ground, at_once)
    assert ground.states("a") == ground.states("b") == {"completed": 20}
    assert ground.states("meet") == {"pending": 20}
    assert ground.one("SELECT count(*) FROM run_records WHERE live <> 1") == 0


def arrive(hand: Hand, item, *to: str):
    """The move that completes an item and leads to these steps."""
    step = next(name for name, one in hand.steps.items() if one.run_step_id == item.run_step_id)
    place = Place(step=step, iteration=item.iteration, item=item.item)
    follows = hand.run_flow.flow.follow(place, Settled.ARRIVED, tuple(Way(to=name) for name in to))
    return hand.move(item, State.COMPLETED, follows=follows)


def test_the_steps_of_a_run_come_in_the_order_of_their_positions(ground: Ground):
    async def read(hand: Hand) -> list[str]:
        await hand.sql("UPDATE run_steps SET position = 10 - position")
        async with hand.engine.database.transaction() as connection:
            return [step.step for step in await runs.steps(connection, [hand.steps["fetch"].run_step_id])]

    assert by_hand(ground.project(), read) == ["count", "check", "fetch"]
