"""Trials: another version of a step beside the results in force, which leaves everything else as it was."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from tests.runner.test_models import SAVE, SERVER
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import SHORT_LEASE, Ground, at_work, ended, redo, rows, script, wait_until

from wave_runner.core.comparing import Likeness
from wave_runner.core.experiment import RunKind
from wave_runner.errors import ConflictError, NotFoundError, ProjectError, WaveError
from wave_runner.reports import experiments
from wave_runner.runner.experimenting import Asked
from wave_runner.runner.fold_check import verify_interactions
from wave_runner.store import runs

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["GOOD", "BAD"]}, "n": {"type": "integer"}},
    "required": ["verdict", "n"],
    "additionalProperties": False,
}
STEPS = """\
ask: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/answer.json, next: save}
save: {actor: save, input: {n: ask.n}, writes: [items.words], next: end}
"""
OLD = {"match": r"Which number.*number (\d+)\.", "text": '{"verdict": "GOOD", "n": \\1}'}
NEW = [
    {"match": r"And now.*number [02]\.", "text": '{"verdict": "BAD", "n": 7}'},
    {"match": r"And now.*number 3\.", "text": '{"verdict": "UGLY", "n": 7}'},
    {"match": r"And now.*number (\d+)\.", "text": '{"verdict": "GOOD", "n": \\1}'},
]


@pytest.fixture
def stub(tmp_path):
    with OpenAIStub(tmp_path / "stub") as running:
        running.answer_with(OLD, *NEW)
        yield running


@pytest.fixture
def done(ground: Ground, stub: OpenAIStub) -> Ground:
    """Six records that a model has judged, and a second prompt that nobody uses yet."""
    ground.project(
        rows=[{"name": f"item {number}", "text": f"number {number}."} for number in range(6)],
        steps=STEPS,
        actors={"save": SAVE},
        toml=SERVER.format(url=stub.url, attempts=1).replace("timeout_s = 5", "timeout_s = 60")
        + '[models.other]\nserver = "stub"\nmodel = "stub"\n'
        'options = {api = "chat", temperature = 0.7}\n',
        files={"prompts/ask.md": "Which number? {{ text }}", "schemas/answer.json": json.dumps(SCHEMA)},
        ensures=["record.words != null"],
    )
    assert ground.run() == "completed"
    ground.write("next.md", "And now? {{ text }}")
    return ground


def begin(
    ground: Ground, step: str = "ask", *, size: int = 200, seed: str = "s", where: str = "", **changes: str
) -> int:
    """Start a trial and do nothing for it; return its number."""

    async def act(engine: Any) -> int:
        experimenting = engine.experimenting()
        version = experimenting.version(step, None, changes)
        asked = Asked(choice=engine.redoing().choice("work", step, where=where), size=size, seed=seed)
        return int(await experimenting.sampled(RunKind.TRIAL, version, asked, await engine.sync()))

    return ground.do(act)


def work(ground: Ground, run_id: int) -> str:
    async def go_on(engine: Any) -> str:
        async with at_work(engine):
            return await ended(engine, run_id)

    return ground.do(go_on)


def report(ground: Ground, run_id: int) -> experiments.Trial:
    return ground.do(lambda engine: experiments.trial(engine.database, run_id))


def tried(ground: Ground, **changes: str) -> experiments.Trial:
    """Start a trial, work until it has ended, and return what came of it."""
    run_id = begin(ground, **changes)
    assert work(ground, run_id) == "completed"
    return report(ground, run_id)


def new_prompt(ground: Ground) -> str:
    return str(ground.folder / "next.md")


def real_work(ground: Ground) -> dict[str, Any]:
    """Everything that stands of the real work: rows, results in force, counts of events, answers, verdicts."""
    queries = {
        "items": "SELECT * FROM items ORDER BY name",
        "interactions": "SELECT i.* FROM interactions i JOIN workflow_runs USING (run_id) "
        "WHERE kind = 'run' ORDER BY 2",
        "in force": "SELECT run_id, interaction_id FROM interactions WHERE in_force ORDER BY 2",
        "events": "SELECT type::text, count(*) FROM interaction_events JOIN workflow_runs r USING (run_id) "
        "WHERE r.kind = 'run' GROUP BY 1 ORDER BY 1",
        "writes": "SELECT * FROM value_writes ORDER BY 2",
        "answers": "SELECT * FROM answers ORDER BY question",
        "records": "SELECT * FROM run_records WHERE workflow_id IS NOT NULL ORDER BY run_id, record_id",
        "runs": "SELECT * FROM workflow_runs WHERE kind = 'run' ORDER BY run_id",
    }
    return {name: ground.sql(query) for name, query in queries.items()}


def test_a_trial_compares_field_by_field_and_those_that_differ_come_first(done: Ground):
    found = tried(done, prompt=new_prompt(done))
    assert (found.equal, found.differs, found.only_a, found.only_b, found.neither) == (3, 2, 1, 0, 0)
    assert found.agreement == 3 / 5
    assert [pair.record for pair in found.pairs][:3] == ["item 0", "item 2", "item 3"] or {
        pair.record for pair in found.pairs[:2]
    } == {"item 0", "item 2"}
    assert found.pairs[2].likeness is Likeness.ONLY_A
    assert {one.field: (one.equal, one.differs) for one in found.fields} == {"verdict": (3, 2), "n": (3, 2)}
    assert (found.a.completed, found.b.completed, found.b.broken) == (6, 5, {"output_schema": 1})
    assert found.a.tokens == found.b.tokens == 6 * 18
    assert found.b.median_us is not None


def test_a_trial_leaves_the_real_work_as_it_was(done: Ground):
    before = real_work(done)
    found = tried(done, prompt=new_prompt(done))
    assert found.differs == 2
    assert real_work(done) == before
    assert done.one("SELECT count(*) FROM interactions WHERE run_id = %s AND in_force", found.experiment.run_id) == 0
    assert done.one("SELECT max(run_id) FROM workflow_runs WHERE kind = 'trial'") == found.experiment.run_id
    assert done.do(lambda engine: verify_interactions(engine.database, by="t")).wrong == 0


def test_no_report_of_the_real_work_counts_a_trial(done: Ground):
    from wave_runner.reports.dashboard import dashboard
    from wave_runner.reports.usage import usage

    async def told(engine: Any) -> Any:
        board = await dashboard(engine.database, None)
        return board.overall.run.run_id, board.steps, (await usage(engine.database, "judge")).uses

    before = done.do(told)
    found = tried(done, prompt=new_prompt(done))
    assert done.do(told) == before
    assert found.experiment.run_id > before[0]


def test_the_same_seed_draws_the_same_sample_and_the_filter_narrows_it(done: Ground):
    def sample(run_id: int) -> list[str]:
        found = done.sql(
            "SELECT key FROM interactions JOIN records USING (record_id) WHERE run_id = %s ORDER BY interaction_id",
            run_id,
        )
        return [row["key"] for row in found]

    first, again, other = (sample(begin(done, size=3, seed=seed)) for seed in ("a", "a", "b"))
    assert first == again
    assert len(first) == 3
    assert first != other
    assert sample(begin(done, where='name:"item 4"')) == ["item 4"]


def test_a_trial_is_given_what_was_recorded_whatever_the_row_says_now(done: Ground, stub: OpenAIStub):
    done.sql("UPDATE items SET text = 'number 9.'")
    found = tried(done, prompt=new_prompt(done))
    asked = [request["body"]["messages"][-1]["content"] for request in stub.requests()[-6:]]
    assert sorted(asked) == [f"And now? number {n}." for n in range(6)]
    assert found.differs == 2


def test_another_model_is_tried_under_its_own_name_and_asked_with_its_own_options(done: Ground, stub: OpenAIStub):
    stub.answer_with({"match": r"Which number.*number (\d+)\.", "text": '{"verdict": "BAD", "n": \\1}'})
    found = tried(done, model="other")
    assert {one.field: one.agreement for one in found.fields} == {"verdict": 0.0, "n": 1.0}
    assert {request["body"]["temperature"] for request in stub.requests()[-6:]} == {0.7}


def test_a_script_that_writes_is_tried_and_writes_nothing(ground: Ground):
    ground.project(rows=rows(4))
    assert ground.run() == "completed"
    ground.write(
        "twice.py",
        script("words = 2 * len(item['text'].split())\nctx.write('items', {'words': words})\nreturn {'words': words}"),
    )
    before = real_work(ground)
    run_id = begin(ground, "count", script=str(ground.folder / "twice.py"))
    assert work(ground, run_id) == "completed"
    found = report(ground, run_id)
    assert (found.equal, found.differs, found.writes) == (0, 4, ("items.words",))
    assert found.pairs[0].b is not None
    assert found.pairs[0].b.output == {"words": 8}
    assert real_work(ground) == before


def test_a_record_that_is_in_a_trial_can_be_taken_up_by_a_run_meanwhile(done: Ground):
    begin(done, prompt=new_prompt(done))
    done.sql("UPDATE items SET words = NULL")
    rerun = done.do(lambda engine: redo(engine, "save", reason="again"))
    assert rerun.records == 6
    assert work(done, 1) == "completed"
    assert done.items() == {f"item {n}": n for n in range(6)}


def test_a_trial_is_planned_by_itself_and_not_as_its_workflow(done: Ground):
    """It has one step of it: what is ahead of the records of a run must not be told by that."""
    begin(done)
    done.do(lambda engine: redo(engine, "ask", reason="again"))
    ahead = done.do(lambda engine: runs.ahead(engine.database, "stub"))
    assert len(ahead) == 2
    assert len({one.definition_id for one in ahead}) == 2


def test_a_trial_whose_runner_is_killed_goes_on_and_asks_nothing_twice_that_was_recorded(
    done: Ground, stub: OpenAIStub
):
    stub.answer_with(OLD, {"match": r"And now.*number [45]\.", "behaviour": "hang"}, *NEW)
    ended_n = "SELECT count(*) FROM interactions WHERE run_id > 1 AND finished_at IS NOT NULL"
    hanging = "SELECT count(*) FROM interactions WHERE run_id > 1 AND state = 'running'"
    with done.process("trial", "ask", "--with", f"prompt={new_prompt(done)}", "--seed", "s", **SHORT_LEASE) as killed:
        wait_until(lambda: done.one(hanging) and done.one(ended_n))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    stub.answer_with(OLD, *NEW)
    [run_id] = [row["run_id"] for row in done.sql("SELECT run_id FROM experiments")]
    had = done.one(ended_n)
    assert 0 < report(done, run_id).experiment.unfinished == 6 - had
    with done.process("trial", "resume", str(run_id), **SHORT_LEASE) as resumed:
        assert resumed.wait(90) == 0
    found = report(done, run_id)
    assert (found.equal, found.differs, found.only_a) == (3, 2, 1)
    assert done.one("SELECT count(*) FROM interactions WHERE run_id = %s AND attempt = 1", run_id) >= had
    assert done.one("SELECT count(*) FROM interactions WHERE run_id = %s AND attempt = 2", run_id) >= 1


IMPOSSIBLE: list[tuple[str, dict[str, str], type[WaveError], str]] = [
    ("nothing", {}, NotFoundError, "no workflow has a step nothing"),
    ("ask", {"prompt": "not-there.md"}, ProjectError, "there is no file not-there.md"),
    ("ask", {"model": "nobody"}, ProjectError, "wave.toml has no model nobody"),
    ("ask", {"script": "next.md"}, ProjectError, "has no script"),
    ("save", {"prompt": "next.md"}, ProjectError, "has no prompt"),
    ("fetch", {}, ProjectError, "done once for a whole run"),
]
"""A step, what is to be another in it, and why that cannot be tried."""


def test_what_cannot_be_tried_is_refused_and_nothing_begins(done: Ground):
    for step, changes, error, said in IMPOSSIBLE:
        with pytest.raises(error, match=said):
            begin(done, step, **changes)
    assert done.one("SELECT count(*) FROM experiments") == 0


def test_a_drifted_actor_has_to_be_approved_before_it_is_tried(done: Ground):
    done.write("prompts/ask.md", "Which number, please? {{ text }}")
    with pytest.raises(ConflictError, match="drifted: judge"):
        begin(done)
