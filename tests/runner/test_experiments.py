"""Repeats, evals, comparisons, and what becomes of a trial that is adopted."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_trial import NEW, OLD, begin, done, new_prompt, real_work, stub, tried, work
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, redo, rows, script

from wave_runner.core.comparing import Likeness
from wave_runner.core.event import commitment
from wave_runner.core.experiment import RunKind
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.reports import compare, experiments
from wave_runner.runner.experimenting import Asked

__all__ = ["done", "stub"]  # fixtures

GOLD = """\
step: ask
tolerance: {n: 1}
cases:
  - {record: item 1, expected: {verdict: GOOD, n: 2}}
  - {record: item 2, expected: {verdict: BAD}}
  - {input: {text: "number 8."}, expected: {verdict: GOOD, n: 8}}
"""


def repeat(ground: Ground, step: str = "ask", *, size: int = 20, times: int = 5) -> int:
    async def act(engine: Any) -> int:
        experimenting = engine.experimenting()
        version = experimenting.version(step, None, {})
        asked = Asked(choice=engine.redoing().choice("work", step), size=size, times=times, seed="s")
        return int(await experimenting.sampled(RunKind.REPEAT, version, asked, await engine.sync()))

    return ground.do(act)


def evaluate(ground: Ground, *, gold: str | None = None, **changes: str) -> experiments.Eval:
    """Do the gold set and return what came of it."""

    async def act(engine: Any) -> int:
        experimenting = engine.experimenting()
        version = experimenting.version("ask", None, changes)
        found = experimenting.gold(version, gold)
        return int(
            await experimenting.judged(version, found, engine.redoing().choice("work", "ask"), await engine.sync())
        )

    run_id = ground.do(act)
    assert work(ground, run_id) == "completed"
    return ground.do(lambda engine: experiments.evaluation(engine.database, run_id))


def test_a_repeat_finds_the_record_that_is_answered_differently_each_time(done: Ground, stub: OpenAIStub):
    stub.answer_with(
        {"match": r"number 2\.", "text": '{"verdict": "BAD", "n": 9}', "times": 2},
        {"match": r"number 5\.", "text": "no JSON", "times": 1},
        OLD,
    )
    before, asked = real_work(done), len(stub.requests())
    run_id = repeat(done)
    assert work(done, run_id) == "completed"
    found = done.do(lambda engine: experiments.repeat(engine.database, run_id))
    assert len(stub.requests()) - asked == 30, "no recorded answer was taken"
    assert (found.records, found.steady, found.took.results, found.took.completed) == (6, 4, 30, 29)
    assert [one.record for one in found.unsteady] == ["item 2", "item 5"]
    assert found.unsteady[0].fields["verdict"] == {'"GOOD"': 3, '"BAD"': 2}
    by_name = {one.field: one for one in found.fields}
    assert by_name["verdict"].kappa is not None
    assert by_name["n"].widest == 7
    assert real_work(done) == before


def test_an_eval_says_what_is_right_by_field_and_what_has_changed_since_the_last(done: Ground):
    done.write("gold/ask.yaml", GOLD)
    before = real_work(done)
    first = evaluate(done)
    assert (first.cases, first.right, first.since) == (3, 2, None)
    assert [one.case for one in first.wrong] == ["item 2"]
    by_name = {one.field: one for one in first.fields}
    assert (by_name["verdict"].right, by_name["verdict"].confusion) == (2, {"BAD": {"GOOD": 1}, "GOOD": {"GOOD": 2}})
    assert (by_name["n"].right, by_name["n"].error) == (2, 0.5)
    second = evaluate(done, prompt=new_prompt(done))
    assert second.right == 3
    assert second.since is not None
    assert (second.since.run_id, second.since.better, second.since.worse) == (first.experiment.run_id, ("item 2",), ())
    third = evaluate(done)
    assert third.since is not None
    assert (third.since.better, third.since.worse) == ((), ("item 2",))
    assert real_work(done) == before


def test_a_gold_set_may_be_lines_of_json(done: Ground):
    done.write(
        "gold/ask.jsonl",
        '{"step": "ask", "record": "item 1", "expected": {"n": 1}}\n\n{"record": "item 2", "expected": {"n": 3}}\n',
    )
    found = evaluate(done)
    assert (found.cases, found.right) == (2, 1)


WRONG = [
    ("step: ask\ncases: [{record: item 1}]\n", ProjectError, r"ask\.yaml:2: a case needs `expected`"),
    ("step: asc\ncases: [{record: x, expected: {n: 1}}]\n", ProjectError, r"ask\.yaml:1: work has no step `asc`"),
    ("step: ask\ncases: []\n", ProjectError, "must be a list of cases"),
    ("step: ask\ncases: [{record: x, input: {a: 1}, expected: {n: 1}}]\n", ProjectError, "either a `record`"),
    ("step: ask\ncases: [{record: nobody, expected: {n: 1}}]\n", NotFoundError, "no result of ask .* nobody"),
    ("step: ask\ncases: [{input: {other: 1}, expected: {n: 1}}]\n", ProjectError, "takes the input text"),
    ("step: save\ncases: [{record: item 1, expected: {n: 1}}]\n", NotFoundError, "ask has no gold set"),
    (
        "step: ask\ncases: [{record: item 1, expected: {n: 1}}, {record: item 1, expected: {n: 1}}]\n",
        ProjectError,
        "stands on line 2 already",
    ),
    ("step: ask\ntolerance: {n: much}\ncases: [{record: x, expected: {n: 1}}]\n", ProjectError, "must be a number"),
]
"""Gold sets that are none, and why."""


def test_what_is_wrong_with_a_gold_set_is_said_with_its_line(done: Ground):
    for gold, error, said in WRONG:
        done.write("gold/ask.yaml", gold)
        with pytest.raises(error, match=said):
            evaluate(done)
    assert done.one("SELECT count(*) FROM experiments") == 0


def test_two_runs_are_compared_by_what_is_in_force(ground: Ground):
    ground.project(rows=rows(4))
    assert ground.run() == "completed"
    ground.write("actors/count.py", script("words = 9 if item['text'].endswith('!') else 4\nreturn {'words': words}"))
    trial = ground.do(lambda engine: engine.sync(dev=True))
    assert trial is not None
    ground.sql("UPDATE items SET text = text || '!' WHERE name = 'item 0002'")
    started = ground.do(lambda engine: redo(engine, "count", reason="other"))
    assert work(ground, started.runs[0]) == "completed"
    run_id = begin(ground, "count")
    assert work(ground, run_id) == "completed"
    found = ground.do(lambda engine: compare.runs(engine.database, 1, run_id))
    assert (found.equal, found.differs, found.only_a, found.only_b) == (4, 0, 0, 0), (
        "what was superseded counts no more"
    )
    definitions = ground.sql(
        "SELECT DISTINCT encode(d.sha256, 'hex') AS sha, rs.generation FROM run_steps rs JOIN steps s USING (step_id) "
        "JOIN definitions d USING (definition_id) WHERE s.name = 'count' AND rs.run_id = 1 ORDER BY generation"
    )
    old, new = (row["sha"][:12] for row in definitions)
    between = ground.do(lambda engine: compare.versions(engine.database, "work", "count", old, new))
    assert (between.equal, between.differs) == (3, 1)
    assert (between.pairs[0].record, between.pairs[0].likeness) == ("item 0002", Likeness.DIFFERS)


@pytest.mark.parametrize(
    ("a", "b", "said"), [(1, 99, "there is no run 99"), (98, 1, "there is no run 98")], ids=["b", "a"]
)
def test_a_run_that_is_not_there_is_compared_with_nothing(done: Ground, a: int, b: int, said: str):
    with pytest.raises(NotFoundError, match=said):
        done.do(lambda engine: compare.runs(engine.database, a, b))


def test_a_comparison_is_exported_and_no_cell_is_a_formula(ground: Ground, tmp_path: Path):
    ground.project(
        rows=[{"name": "=1+1", "text": "a"}, {"name": "plain", "text": "b"}],
        steps=("count: {actor: count, input: {text: record.text}, next: end}"),
        actors={"count": script("return {'said': 'x', 'n': -1}")},
    )
    assert ground.run() == "completed"
    ground.write("other.py", script("return {'said': '@SUM(A1)' if item['text'] == 'a' else 'x', 'n': -1}"))
    run_id = begin(ground, "count", script=str(ground.folder / "other.py"))
    assert work(ground, run_id) == "completed"
    file = tmp_path / "out.csv"
    with ground.process("compare", "1", str(run_id), "--csv", "--output", str(file)) as written:
        assert written.wait(60) == 0
    lines = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    first = {name: lines[0][name] for name in ("record", "likeness", "field", "a", "b")}
    assert first == {"record": "'=1+1", "likeness": "differs", "field": "said", "a": "x", "b": "'@SUM(A1)"}
    assert [line["likeness"] for line in lines] == ["differs", "equal"]


def adopt(ground: Ground, run_id: int, reason: str = "it is better") -> Any:
    return ground.do(lambda engine: engine.experimenting().adopt(RunKind.TRIAL, run_id, reason=reason))


def test_an_adopted_trial_is_what_the_folder_has_and_makes_the_rest_stale_until_it_is_redone(
    done: Ground, stub: OpenAIStub
):
    stub.answer_with(OLD, *NEW[:1], NEW[2])
    found = tried(done, prompt=new_prompt(done))
    run_id = found.experiment.run_id
    preview = done.do(lambda engine: engine.experimenting().adoption(RunKind.TRIAL, run_id))
    assert (preview.files, preview.steps, preview.actors) == (("prompts/ask.md",), ("work.ask",), ("judge",))
    assert (done.folder / "prompts/ask.md").read_text() == "Which number? {{ text }}", "a preview changes nothing"
    adopt(done, run_id)
    assert (done.folder / "prompts/ask.md").read_text() == "And now? {{ text }}"
    assert done.sql("SELECT name FROM actors WHERE state = 'drifted'") == []
    [event] = done.sql("SELECT data FROM interaction_events WHERE type = 'trial_adopted' AND run_id = %s", run_id)
    [kept] = done.sql("SELECT reason, reason_nonce FROM experiments")
    said = json.loads(event["data"])
    assert said["reason"] == commitment(kept["reason_nonce"], kept["reason"].encode())
    stale = done.do(lambda engine: engine.redoing().stale("work"))
    assert {one.current.step for one in stale.stale} == {"ask"}
    assert len(stale.stale) == 6
    started = done.do(lambda engine: redo(engine, None, reason="adopted"))
    assert work(done, started.runs[0]) == "completed"
    assert done.items() == {"item 0": 7, "item 1": 1, "item 2": 7, "item 3": 3, "item 4": 4, "item 5": 5}
    assert done.do(lambda engine: engine.redoing().stale("work")).stale == []
    with pytest.raises(ConflictError, match="adopted already"):
        adopt(done, run_id)


def test_another_model_is_adopted_by_one_word_of_the_workflow(done: Ground, stub: OpenAIStub):
    stub.answer_with(OLD)
    found = tried(done, model="other")
    before = (done.folder / "workflows/work.yaml").read_text()
    adoption = adopt(done, found.experiment.run_id)
    assert adoption.files == ("workflows/work.yaml",)
    assert (done.folder / "workflows/work.yaml").read_text() == before.replace("model: judge", "model: other")
    assert done.sql("SELECT name FROM workflows WHERE drifted_to_id IS NOT NULL") == []
    assert done.sql("SELECT name FROM actors WHERE state = 'drifted'") == []


def test_an_adoption_that_was_killed_half_way_is_finished_by_the_same_command(done: Ground):
    run_id = tried(done, prompt=new_prompt(done)).experiment.run_id
    done.write("prompts/ask.md", "And now? {{ text }}")  # written, and nothing more
    assert adopt(done, run_id).actors == ("judge",)
    assert done.sql("SELECT name FROM actors WHERE state = 'drifted'") == []


def test_what_the_folder_has_changed_since_is_never_overwritten(done: Ground):
    run_id = tried(done, prompt=new_prompt(done)).experiment.run_id
    done.write("prompts/ask.md", "Mine. {{ text }}")
    with pytest.raises(ConflictError, match=r"prompts/ask\.md has changed since it was tried"):
        adopt(done, run_id)
    assert (done.folder / "prompts/ask.md").read_text() == "Mine. {{ text }}"
    assert done.one("SELECT adopted_by FROM experiments") is None


def test_a_trial_of_the_folders_own_version_and_one_under_way_are_not_adopted(done: Ground):
    own = tried(done).experiment.run_id
    with pytest.raises(ConflictError, match="nothing to adopt"):
        adopt(done, own)
    with pytest.raises(ConflictError, match="is running"):
        adopt(done, begin(done, prompt=new_prompt(done)))


def test_of_an_erased_record_an_eval_keeps_nothing(done: Ground):
    from tests.audit.test_erasure import erase

    word = "canary-word"
    done.write(
        "gold/ask.yaml",
        f"step: ask\ncases:\n  - {{record: item 1, expected: {{verdict: {word}}}}}\n"
        "  - {record: item 2, expected: {verdict: BAD}}\n",
    )
    run_id = evaluate(done).experiment.run_id
    kept = "SELECT count(*) FROM counterparts WHERE run_id = %s AND strpos(expected, %s) > 0"
    assert done.one(kept, run_id, word) == 1
    erase(done, "--basis", "GDPR Art. 17", "--as", "ada", key="item 1")
    erase(done, "--approve", "--as", "ben", key="item 1")
    assert done.one(kept, run_id, word) == 0
    left = "SELECT count(*) FROM interactions WHERE run_id = %s AND NOT erased"
    assert done.one(left, run_id) == 1
    found = done.do(lambda engine: experiments.evaluation(engine.database, run_id))
    assert [one.case for one in found.wrong] == ["item 2"], "what is erased is no case any more"
