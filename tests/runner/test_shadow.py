"""Shadows: another version of a step beside a run that goes on, which does not know of it."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any
from uuid import uuid4

import pytest
from tests.audit.test_dropping import a_month_passes
from tests.runner.test_experiments import adopt as adopt_trial
from tests.runner.test_models import SAVE, SERVER
from tests.runner.test_people import as_people
from tests.runner.test_trial import NEW, OLD, SCHEMA, new_prompt, stub, work
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import SHORT_LEASE, Ground, at_work, ended, redo, until, wait_until

from wave_runner.core.experiment import RunKind, is_drawn
from wave_runner.core.wave import STEP
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError, NotFoundError, ProjectError, WaveError
from wave_runner.reports import experiments
from wave_runner.runner.deciding import People
from wave_runner.runner.experimenting import SHADOW_PRIORITY, Beside
from wave_runner.runner.feeder import ENOUGH, SOURCE_ENDED, Feeder
from wave_runner.runner.fold_check import verify_interactions
from wave_runner.servers.binary import free_port
from wave_runner.store import drops, shadows

__all__ = ["stub"]  # a fixture

N = 6
ASK = """\
ask:
  model: judge
  prompt: prompts/ask.md
  input: {{text: record.text}}
  output: schemas/answer.json
  next: {}
"""
SAVE_STEP = "save: {actor: save, input: {n: ask.n}, writes: [items.words], next: end}\n"
REVIEW = """\
review:
  human: reviewers
  form: schemas/form.json
  input: {text: record.text}
  route: {on: verdict, GOOD: save, BAD: end}
"""
STEPS = ASK.format("save") + SAVE_STEP
# A person is asked after the model: the run goes on for as long as nobody answers, and no runner has to be at work.
WAITS = ASK.format("review") + REVIEW + SAVE_STEP
FORM = {"type": "object", "properties": {"verdict": {"enum": ["GOOD", "BAD"]}}, "required": ["verdict"]}
OTHERS = """\
[models.other]
server = "stub"
model = "stub"
options = {{api = "chat", temperature = 0.7}}

[servers.away]
driver = "openai"
url = "http://127.0.0.1:{port}/v1"

[models.away]
server = "away"
model = "away"
options = {{api = "chat"}}
"""


def project(ground: Ground, stub: OpenAIStub, steps: str, n: int = N) -> Ground:
    stub.answer_with(OLD, *NEW)
    ground.project(
        rows=[{"name": f"item {number}", "text": f"number {number}."} for number in range(n)],
        steps=steps,
        actors={"save": SAVE},
        toml=SERVER.format(url=stub.url, attempts=1).replace("timeout_s = 5", "timeout_s = 60")
        + OTHERS.format(port=free_port()),
        files={
            "prompts/ask.md": "Which number? {{ text }}",
            "schemas/answer.json": json.dumps(SCHEMA),
            "schemas/form.json": json.dumps(FORM),
        },
        ensures=["record.words != null"],
    )
    ground.write("next.md", "And now? {{ text }}")
    return ground


@pytest.fixture
def waiting(ground: Ground, stub: OpenAIStub) -> Ground:
    """A run with six results of its model that waits for people: it has not ended."""
    project(ground, stub, WAITS)
    assert ground.run() == "waiting"
    return ground


def begin(ground: Ground, *, most: int = 200, share: float = 1, run_id: int | None = None, **changes: str) -> int:
    """Start a shadow and do nothing for it; return its number."""

    async def act(engine: Engine) -> int:
        experimenting = engine.experimenting()
        version = experimenting.version("ask", None, changes)
        beside = Beside(run_id=run_id, share=share, most=most, seed="s")
        return await experimenting.shadow(version, beside, await engine.sync())

    return ground.do(act)


def feed(ground: Ground, *, stretch: int = 2000, feeders: int = 1) -> None:
    """Give the shadows what there is, by so many runners at once."""

    async def act(engine: Engine) -> None:
        await engine.seal()

        async def one() -> None:
            feeder = Feeder(engine.database, runner_id=uuid4(), wake_lanes=lambda: None, stretch=stretch)
            while await feeder.one_pass():
                pass

        await asyncio.gather(*(one() for _ in range(feeders)))

    ground.do(act)


def until_done(ground: Ground, run_id: int, n: int) -> None:
    """Work until a shadow has done so many."""
    done = "SELECT count(*) FROM interactions WHERE run_id = %s AND finished_at IS NOT NULL"

    async def act(engine: Engine) -> None:
        async with at_work(engine):

            async def are_done() -> bool:
                return bool(await asyncio.to_thread(ground.one, done, run_id) == n)

            await until(are_done)

    ground.do(act)


def decide(ground: Ground, n: int = N) -> None:
    """Have a person say of so many records that they are good."""

    async def decide(maria: People) -> None:
        for _ in range(n):
            task = await maria.claim()
            assert task is not None
            await maria.decide(task.task, {"verdict": "GOOD"})

    as_people(ground, "maria", work=decide)


def report(ground: Ground, run_id: int) -> experiments.Trial:
    return ground.do(lambda engine: experiments.trial(engine.database, run_id, RunKind.SHADOW))


def sources(ground: Ground, run_id: int) -> list[str]:
    """Return the records of what a shadow was given, in its order."""
    found = ground.sql(
        "SELECT c.key FROM interactions i JOIN counterparts k USING (run_id, interaction_id) JOIN interactions s "
        "ON s.run_id = k.source_run_id AND s.interaction_id = k.source_id JOIN records c ON c.record_id = s.record_id "
        "WHERE i.run_id = %s AND s.record_id = i.record_id ORDER BY i.interaction_id",
        run_id,
    )
    return [row["key"] for row in found]


def closed(ground: Ground, run_id: int) -> list[str | None]:
    """Return what the events of a shadow's feeding say of its end, and check that they add up."""
    found = ground.sql(
        "SELECT data FROM interaction_events WHERE run_id = %s AND type = 'shadow_fed' ORDER BY event_id", run_id
    )
    said = [json.loads(row["data"]) for row in found]
    assert sum(one["fed"] for one in said) == len(sources(ground, run_id))
    assert sum(one["fed"] for one in said) == ground.one("SELECT fed FROM experiments WHERE run_id = %s", run_id)
    return [one["closed"] for one in said]


def facts(ground: Ground, run_id: int) -> dict[str, Any]:
    """Everything that a run says of itself, but for its numbers and times.

    In how many chunks its records are judged, and its values saved, is a matter of time as well.
    """
    queries = {
        "events": "SELECT type::text, step, count(*) FROM interaction_events WHERE run_id = %s "
        "AND type NOT IN ('records_settled', 'values_written') GROUP BY 1, 2 ORDER BY 1, 2",
        "results": "SELECT s.name, c.key, i.state::text, i.in_force, i.attempt, i.output FROM interactions i "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) LEFT JOIN records c USING (record_id) "
        "WHERE i.run_id = %s ORDER BY 1, 2",
        "writes": "SELECT c.key, table_name, column_name FROM value_writes JOIN records c USING (record_id) "
        "WHERE run_id = %s ORDER BY 1, 2, 3",
        "verdicts": "SELECT c.key, r.state FROM run_records r JOIN records c USING (record_id) "
        "WHERE run_id = %s ORDER BY 1",
        "run": "SELECT kind, state, reason FROM workflow_runs WHERE run_id = %s",
        "calls": "SELECT count(*) FROM payloads WHERE run_id = %s AND role = 'request'",
    }
    return {name: ground.sql(query, run_id) for name, query in queries.items()} | {"items": ground.items()}


def anew(ground: Ground) -> int:
    """Start a run that asks its model, whatever answers are recorded."""

    async def act(engine: Engine) -> int:
        await engine.sync()
        return await engine.new_runs().start("work", {}, asks_anew=True)

    return ground.do(act)


def test_a_shadow_answers_what_its_run_answers_and_the_run_is_as_without_it(ground: Ground, stub: OpenAIStub):
    project(ground, stub, STEPS)
    without = anew(ground)
    assert work(ground, without) == "completed"
    alone = facts(ground, without)
    asked = len(stub.requests())
    ground.sql("DELETE FROM items")
    run_id = anew(ground)
    shadow = begin(ground, prompt=new_prompt(ground))

    async def both(engine: Engine) -> tuple[str, str]:
        async with at_work(engine):
            return await ended(engine, run_id), await ended(engine, shadow)

    assert ground.do(both) == ("completed", "completed")
    assert facts(ground, run_id) == alone
    prompts = [request["body"]["messages"][-1]["content"] for request in stub.requests()[asked:]]
    wanted = [f"{word} number {n}." for word in ("And now?", "Which number?") for n in range(N)]
    assert sorted(prompts) == wanted, "each was asked once by each"
    found = report(ground, shadow)
    assert (found.equal, found.differs, found.only_a) == (3, 2, 1)
    assert {pair.record for pair in found.pairs[:2]} == {"item 0", "item 2"}
    assert (found.experiment.source_run_id, found.experiment.fed) == (run_id, N)
    assert closed(ground, shadow)[-1] == SOURCE_ENDED
    assert ground.one("SELECT count(*) FROM interactions WHERE run_id = %s AND in_force", shadow) == 0
    assert ground.do(lambda engine: verify_interactions(engine.database, by="t")).wrong == 0


def test_what_a_run_has_done_before_is_given_too_and_a_shadow_ends_after_it(waiting: Ground, stub: OpenAIStub):
    shadow = begin(waiting, prompt=new_prompt(waiting))
    until_done(waiting, shadow, N)
    found = report(waiting, shadow)
    assert (found.equal, found.differs, found.only_a) == (3, 2, 1), "what has come of it is told while it goes on"
    assert (found.experiment.state, found.experiment.closed_at) == ("running", None)
    assert waiting.one("SELECT count(*) FROM run_records WHERE run_id = %s AND state <> 'ended'", shadow) == 0
    ranks = waiting.sql("SELECT run_id, min(rank) AS rank FROM interactions GROUP BY 1 ORDER BY 1")
    assert ranks[1]["rank"] - ranks[0]["rank"] >= -SHADOW_PRIORITY * STEP, "whatever else waits goes first"
    decide(waiting)
    assert work(waiting, 1) == "completed"
    assert work(waiting, shadow) == "completed"
    assert closed(waiting, shadow) == [None, SOURCE_ENDED]


def test_a_run_that_fails_gives_what_it_has_come_to_and_the_shadow_answers_what_it_could_not(
    ground: Ground, stub: OpenAIStub
):
    project(ground, stub, STEPS)
    stub.answer_with({"match": r"Which number.*number 5\.", "text": "no JSON"}, OLD, *NEW)
    run_id = ground.start()
    shadow = begin(ground, prompt=new_prompt(ground))
    assert work(ground, run_id) == "failed"
    assert work(ground, shadow) == "completed"
    assert (report(ground, shadow).only_b, report(ground, shadow).experiment.fed) == (1, N)


def test_a_cancelled_run_gives_nothing_more_and_what_it_has_given_is_done(waiting: Ground):
    shadow = begin(waiting, prompt=new_prompt(waiting))
    feed(waiting)
    with waiting.process("cancel", "run", "1", "--yes") as cancelled:
        assert cancelled.wait(60) == 0
    assert work(waiting, 1) == "cancelled"
    assert work(waiting, shadow) == "completed"
    assert report(waiting, shadow).experiment.fed == N
    assert closed(waiting, shadow) == [None, SOURCE_ENDED]


def test_a_cancelled_shadow_is_given_nothing_more_and_its_run_goes_on(waiting: Ground):
    shadow = begin(waiting, prompt=new_prompt(waiting), most=3)
    feed(waiting, stretch=1)
    other = begin(waiting)
    for number in (shadow, other):
        with waiting.process("cancel", "run", str(number), "--yes") as cancelled:
            assert cancelled.wait(60) == 0
    feed(waiting)
    assert (len(sources(waiting, shadow)), len(sources(waiting, other))) == (3, 0)
    assert work(waiting, shadow) == work(waiting, other) == "cancelled"
    decide(waiting)
    assert work(waiting, 1) == "completed"


def test_an_end_that_comes_while_a_shadow_is_being_fed_is_not_passed(waiting: Ground):
    shadow = begin(waiting)

    async def lock(engine: Engine) -> shadows.Shadow | None:
        async with engine.database.transaction() as connection:
            return await shadows.lock(connection, shadow)

    async def look(engine: Engine) -> shadows.Stretch | None:
        async with engine.database.transaction() as connection:
            return await shadows.stretch(connection, locked, size=2000)

    with waiting.process("pause", "run", str(shadow)) as paused:
        assert paused.wait(60) == 0
    locked = waiting.do(lock)
    assert locked is not None
    with waiting.process("cancel", "run", "1", "--yes") as cancelled:
        assert cancelled.wait(60) == 0
    assert work(waiting, 1) == "cancelled"
    stretch = waiting.do(look)
    assert stretch is not None
    assert stretch.is_end
    assert stretch.following == waiting.one(
        "SELECT log_index + 1 FROM event_log JOIN interaction_events USING (event_id) WHERE type = 'run_cancelled'"
    )
    with waiting.process("resume", "run", str(shadow)) as resumed:
        assert resumed.wait(60) == 0
    feed(waiting)
    assert closed(waiting, shadow) == [SOURCE_ENDED]


def test_a_shadow_that_is_paused_is_given_nothing_until_it_is_resumed(waiting: Ground):
    shadow = begin(waiting)
    for word, given in (("pause", 0), ("resume", N)):
        with waiting.process(word, "run", str(shadow)) as said:
            assert said.wait(60) == 0
        feed(waiting)
        assert len(sources(waiting, shadow)) == given
    with pytest.raises(NotFoundError, match=f"there is no run {shadow}"):
        begin(waiting, run_id=shadow)


@pytest.mark.parametrize("stretch", [1, 7, 2000])
def test_in_whatever_stretches_and_by_however_many_runners_each_result_is_given_once(waiting: Ground, stretch: int):
    shadow = begin(waiting)
    feed(waiting, stretch=stretch, feeders=3)
    assert sorted(sources(waiting, shadow)) == [f"item {n}" for n in range(N)]
    assert closed(waiting, shadow) == [None] * (1 if stretch == 2000 else len(closed(waiting, shadow)))


def test_a_share_is_of_the_records_and_a_sample_of_what_comes_first(ground: Ground, stub: OpenAIStub):
    project(ground, stub, WAITS, n=40)
    assert ground.run() == "waiting"
    half, ten = begin(ground, share=0.5), begin(ground, most=10)
    feed(ground, stretch=16)
    everything = [f"item {n}" for n in range(40)]
    assert set(sources(ground, half)) == {key for key in everything if is_drawn(key, "s", 0.5)}
    assert 0 < len(sources(ground, half)) < 40
    completed = ground.sql(
        "SELECT c.key FROM event_log l JOIN interaction_events e USING (run_id, event_id) "
        "JOIN interactions i ON i.run_id = e.run_id AND i.interaction_id = e.interaction_id "
        "JOIN records c ON c.record_id = i.record_id WHERE e.step = 'ask' AND e.type = 'interaction_completed' "
        "ORDER BY l.log_index LIMIT 10"
    )
    assert sources(ground, ten) == [row["key"] for row in completed]
    assert closed(ground, ten)[-1] == ENOUGH
    assert work(ground, ten) == "completed", "it has enough, and does not wait for its run"
    assert ground.one("SELECT state FROM workflow_runs WHERE run_id = 1") == "running"


def test_results_of_a_rerun_are_given_too_and_superseded_ones_are_not(waiting: Ground, stub: OpenAIStub):
    shadow = begin(waiting)
    until_done(waiting, shadow, N)
    decide(waiting, N - 1)
    assert work(waiting, 1) == "waiting"
    key = waiting.one("SELECT min(name) FROM items WHERE words IS NOT NULL")
    waiting.do(lambda engine: redo(engine, "ask", reason="again", where=f'name:"{key}"'))
    later = begin(waiting)
    until_done(waiting, shadow, N + 1)
    feed(waiting)
    assert sorted(sources(waiting, later)) == [f"item {n}" for n in range(N)]
    given = waiting.sql(
        "SELECT i.item, s.in_force FROM interactions i JOIN counterparts k USING (run_id, interaction_id) "
        "JOIN interactions s ON s.run_id = k.source_run_id AND s.interaction_id = k.source_id "
        "JOIN records c ON c.record_id = i.record_id WHERE i.run_id = %s AND c.key = %s ORDER BY i.item",
        shadow,
        key,
    )
    assert [(row["item"], row["in_force"]) for row in given] == [(0, False), (1, True)]


def test_a_result_that_is_tried_again_is_given_once(ground: Ground, stub: OpenAIStub):
    project(ground, stub, WAITS)
    stub.answer_with({"match": r"Which number.*number 5\.", "text": "no JSON"}, OLD, *NEW)
    assert ground.run() == "waiting"
    shadow = begin(ground)
    feed(ground)
    stub.answer_with(OLD)
    with ground.process("retry", "run", "1", "--yes") as retried:
        assert retried.wait(60) == 0
    assert work(ground, 1) == "waiting"
    feed(ground)
    told = "SELECT count(*) FROM interaction_events WHERE run_id = 1 AND step = 'ask' AND type IN "
    assert ground.one(told + "('interaction_completed', 'interaction_quarantined')") == N + 1
    assert sorted(sources(ground, shadow)) == [f"item {n}" for n in range(N)]


def test_a_shadow_whose_server_is_away_keeps_nobody_from_anything(ground: Ground, stub: OpenAIStub):
    project(ground, stub, STEPS)
    run_id = ground.start()
    shadow = begin(ground, model="away")
    with ground.process("run", "work", "--resume") as driven:
        assert driven.wait(90) == 0
    assert ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed"
    assert ground.items() == {f"item {n}": n for n in range(N)}
    feed(ground)
    assert report(ground, shadow).experiment.fed == N
    assert report(ground, shadow).b.completed == 0


def test_a_shadow_whose_runner_is_killed_is_given_nothing_twice(waiting: Ground, stub: OpenAIStub):
    shadow = begin(waiting, prompt=new_prompt(waiting))
    stub.answer_with(OLD, {"match": r"And now.*number [45]\.", "behaviour": "hang"}, *NEW)
    hanging = "SELECT count(*) FROM interactions WHERE run_id = %s AND state = 'running'"
    with waiting.process("shadow", "resume", str(shadow), **SHORT_LEASE) as killed:
        wait_until(lambda: waiting.one(hanging, shadow))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    stub.answer_with(OLD, *NEW)
    decide(waiting)
    with waiting.process("shadow", "resume", str(shadow), **SHORT_LEASE) as resumed:
        assert resumed.wait(90) == 0
    assert sorted(sources(waiting, shadow)) == [f"item {n}" for n in range(N)]
    assert (report(waiting, shadow).equal, report(waiting, shadow).differs) == (3, 2)


def test_of_an_erased_record_a_shadow_keeps_nothing_and_is_given_nothing(waiting: Ground):
    from tests.audit.test_erasure import erase

    early, late = begin(waiting, most=N), begin(waiting)
    waiting.sql("UPDATE experiments SET closed_at = now() WHERE run_id = %s", late)
    feed(waiting)
    waiting.sql("UPDATE experiments SET closed_at = NULL WHERE run_id = %s", late)
    erase(waiting, "--basis", "GDPR Art. 17", "--as", "ada", key="item 1")
    erase(waiting, "--approve", "--as", "ben", key="item 1")
    feed(waiting)
    assert len(sources(waiting, early)) == N
    assert sorted(sources(waiting, late)) == [f"item {n}" for n in range(N) if n != 1]
    assert waiting.one("SELECT count(*) FROM interactions WHERE run_id = %s AND erased", early) == 1
    kept = "SELECT count(*) FROM interactions WHERE strpos(input, 'number 1.') > 0"
    assert waiting.one(kept) == 0


def test_a_shadow_that_cannot_be_fed_is_paused_and_stops_nobody(waiting: Ground):
    broken, other = begin(waiting), begin(waiting)
    refuses = f"ALTER TABLE counterparts_r1 ADD CONSTRAINT refuses CHECK (run_id <> {broken})"
    with waiting.superuser() as connection:
        connection.execute(refuses)
    feed(waiting)
    assert (len(sources(waiting, broken)), len(sources(waiting, other))) == (0, N)
    paused = "SELECT paused_by FROM workflow_runs WHERE run_id = %s"
    assert (waiting.one(paused, broken), waiting.one(paused, other)) == ("shadow_not_fed (CheckViolation)", None)
    with waiting.superuser() as connection:
        connection.execute("ALTER TABLE counterparts_r1 DROP CONSTRAINT refuses")
    with waiting.process("resume", "run", str(broken)) as resumed:
        assert resumed.wait(60) == 0
    feed(waiting)
    assert len(sources(waiting, broken)) == N


def test_what_counts_no_more_is_counted_apart_and_what_comes_back_is_given(waiting: Ground, stub: OpenAIStub):
    shadow = begin(waiting)
    until_done(waiting, shadow, N)
    assert report(waiting, shadow).equal == N
    decide(waiting)
    assert work(waiting, 1) == "completed"
    assert work(waiting, shadow) == "completed"
    waiting.do(lambda engine: redo(engine, "ask", reason="again", where='name:"item 3"'))
    found = report(waiting, shadow)
    assert (found.equal, found.overtaken, found.agreement) == (N - 1, 1, 1.0)
    assert "item 3" not in {pair.record for pair in found.pairs}
    later = begin(waiting)
    feed(waiting)
    assert "item 3" not in sources(waiting, later), "nobody has redone it yet"
    with waiting.process("rerun", "undo", "1", "--yes") as undone:
        assert undone.wait(60) == 0
    feed(waiting)
    assert sources(waiting, later)[-1] == "item 3"
    assert (report(waiting, shadow).equal, report(waiting, shadow).overtaken) == (N, 0)


def test_a_shadow_that_was_given_nothing_is_not_adopted(waiting: Ground):
    shadow = begin(waiting, share=1e-12, prompt=new_prompt(waiting))
    decide(waiting)
    assert work(waiting, 1) == work(waiting, shadow) == "completed"
    with pytest.raises(ConflictError, match=f"shadow {shadow} was given nothing"):
        waiting.do(lambda engine: engine.experimenting().adopt(RunKind.SHADOW, shadow, reason="better"))


def test_a_month_whose_run_has_a_shadow_that_has_not_ended_is_not_dropped(waiting: Ground):
    a_month_passes(waiting)
    shadow = begin(waiting)
    assert shadow > 1_000, "it is of the next month"
    with waiting.process("pause", "run", str(shadow)) as paused:
        assert paused.wait(60) == 0
    decide(waiting)
    assert work(waiting, 1) == "completed"

    async def reasons(engine: Engine) -> list[tuple[int, str]]:
        async with engine.database.transaction() as connection:
            return [(one.n, one.first) for one in await drops.reasons(connection, [1]) if one.why == "not_ended"]

    assert waiting.do(reasons) == [(1, str(shadow))]
    with waiting.process("cancel", "run", str(shadow), "--yes") as cancelled:
        assert cancelled.wait(60) == 0
    assert work(waiting, shadow) == "cancelled"
    assert waiting.do(reasons) == []


def test_a_shadow_that_has_ended_is_adopted_as_a_trial_is(ground: Ground, stub: OpenAIStub):
    project(ground, stub, STEPS)
    stub.answer_with(OLD, *NEW[:1], NEW[2])
    run_id = ground.start()
    shadow = begin(ground, prompt=new_prompt(ground))

    def adopt() -> Any:
        return ground.do(lambda engine: engine.experimenting().adopt(RunKind.SHADOW, shadow, reason="better"))

    with pytest.raises(ConflictError, match=f"shadow {shadow} is running"):
        adopt()
    assert work(ground, run_id) == work(ground, shadow) == "completed"
    with pytest.raises(NotFoundError, match=f"there is no trial {shadow}"):
        adopt_trial(ground, shadow)
    assert adopt().files == ("prompts/ask.md",)
    assert (ground.folder / "prompts/ask.md").read_text() == "And now? {{ text }}"
    assert len(ground.do(lambda engine: engine.redoing().stale("work")).stale) == N
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'trial_adopted'") == 1


IMPOSSIBLE: list[tuple[int | None, dict[str, str], type[WaveError], str]] = [
    (None, {}, NotFoundError, "no run of work goes on"),
    (1, {}, ConflictError, "run 1 has ended, and gives no results any more"),
    (99, {}, NotFoundError, "there is no run 99"),
    (1, {"model": "nobody"}, ProjectError, "wave.toml has no model nobody"),
]
"""A run, what is to be another in its step, and why that cannot be."""


def test_what_cannot_be_shadowed_is_refused_and_nothing_begins(ground: Ground, stub: OpenAIStub):
    project(ground, stub, STEPS)
    assert ground.run() == "completed"
    for run_id, changes, error, said in IMPOSSIBLE:
        with pytest.raises(error, match=said):
            begin(ground, run_id=run_id, **changes)
    assert ground.one("SELECT count(*) FROM experiments") == 0
