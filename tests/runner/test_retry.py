"""`wave retry`: what has failed is tried again, what was skipped because of it comes again, and its run goes on."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from tests.support import warm
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, rows, run_to_end, script

from wave_runner.core.control import Subject
from wave_runner.core.marks import mark_of
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.store.control import Filter

CHAIN = """\
first: {actor: first, input: {text: record.text}, next: second}
second: {actor: second, input: {text: record.text}, next: third}
third: {actor: third, input: {text: record.text}, writes: [items.note], next: end}
"""
FORKED = """\
split: {actor: ok, input: {text: record.text}, next: {all: [left, right]}}
left: {actor: first, input: {text: record.text}, next: both}
right: {actor: ok, input: {text: record.text}, next: both}
both: {actor: ok, after: [left, right], input: {text: record.text}, next: last}
last: {actor: third, input: {text: record.text}, writes: [items.note], next: end}
"""
OK = script("return {}")
SAVE = script("ctx.write('items', {'note': 'done'})\nreturn {}")
WHILE_BROKEN = "import os\nif os.path.exists({switch!r}) and ctx.record.endswith(('1', '3')):\n    {what}\nreturn {{}}"


def broken(
    ground: Ground, tmp_path: Path, *, steps: str = CHAIN, what: str = "raise OSError('away')", n: int = 5
) -> Path:
    """A project whose script `first` breaks on records 1 and 3 as long as the file that is returned is there."""
    switch = tmp_path / "broken"
    switch.touch()
    first = script(WHILE_BROKEN.format(switch=str(switch), what=what))
    actors = {"first": first, "second": OK, "third": SAVE, "ok": OK}
    ground.project(
        rows=rows(n),
        steps=steps,
        actors=actors,
        ensures=["record.note != null"],
        toml="[scripts.first]\nmax_attempts = 1\n",
    )
    return switch


def retry(ground: Ground, run_id: int = 1, *, expect: int | None = None, **which: str) -> int:
    return ground.do(lambda engine: engine.orders().retry(Subject.RUN, str(run_id), Filter(**which), expect=expect))


def go_on(ground: Ground, run_id: int = 1) -> str:
    return ground.do(lambda engine: run_to_end(engine, run_id))


@pytest.mark.parametrize(
    ("what", "state"), [("raise OSError('away')", "failed"), ("ctx.reject('odd', rule='odd')", "quarantined")]
)
def test_exactly_what_failed_is_done_again_and_the_run_completes(ground: Ground, tmp_path: Path, what: str, state: str):
    switch = broken(ground, tmp_path, what=what)
    assert ground.run() == "failed"
    assert ground.states("first") == {"completed": 3, state: 2}
    assert ground.states("third") == {"completed": 3, "skipped": 2}
    switch.unlink()
    assert retry(ground, expect=2) == 2
    assert ground.one("SELECT state FROM workflow_runs") == "running"
    assert broken_invariants(ground.url) == {}, "also before somebody works on it"
    assert go_on(ground) == "completed"
    assert ground.one("SELECT count(*) FROM items WHERE note = 'done'") == 5
    attempts = ground.sql(
        "SELECT attempt, count(*) AS n FROM interactions JOIN run_steps USING (run_step_id) "
        "JOIN steps s USING (step_id) WHERE s.name = 'first' GROUP BY 1 ORDER BY 1"
    )
    assert attempts == [{"attempt": 1, "n": 3}, {"attempt": 2, "n": 2}]
    began = ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_started' AND step = 'third'")
    assert began == 5, "what was done is not done again"


def test_what_fails_again_can_be_tried_again(ground: Ground, tmp_path: Path):
    switch = broken(ground, tmp_path)
    assert ground.run() == "failed"
    assert retry(ground) == 2
    assert go_on(ground) == "failed"
    assert ground.states("first") == {"completed": 3, "failed": 2}
    switch.unlink()
    assert retry(ground) == 2
    assert go_on(ground) == "completed"
    assert ground.one("SELECT max(attempt) FROM interactions") == 3


def test_a_join_that_was_skipped_waits_anew(ground: Ground, tmp_path: Path):
    switch = broken(ground, tmp_path, steps=FORKED)
    assert ground.run() == "failed"
    assert ground.states("both") == {"completed": 3, "skipped": 2}
    switch.unlink()
    assert retry(ground) == 2
    assert go_on(ground) == "completed"
    in_force = ground.sql(
        "SELECT s.name, i.state::text AS state, count(*) AS n FROM interactions i JOIN run_steps USING (run_step_id) "
        "JOIN steps s USING (step_id) WHERE i.in_force AND s.name IN ('both', 'last') GROUP BY 1, 2 ORDER BY 1"
    )
    assert in_force == [{"name": name, "state": "completed", "n": 5} for name in ("both", "last")]
    assert ground.one("SELECT count(*) FROM joins WHERE state = 'gone'") == 5


def test_filters_choose_and_a_wrong_expectation_changes_nothing(ground: Ground, tmp_path: Path):
    switch = broken(ground, tmp_path)
    ground.run()
    with pytest.raises(ConflictError, match="2 interactions"):
        retry(ground, expect=3)
    assert retry(ground, state="quarantined") == 0
    assert retry(ground, rule="no such") == 0
    with pytest.raises(NotFoundError):
        retry(ground, step="no_such")
    switch.unlink()
    assert retry(ground, step="first", key="item 0001") == 1
    assert go_on(ground) == "failed"
    assert ground.states("first") == {"completed": 4, "failed": 1}


def test_a_record_that_another_run_has_in_hand_is_left_to_it(ground: Ground, tmp_path: Path):
    broken(ground, tmp_path)
    ground.run()
    ground.sql(
        "UPDATE run_records SET state = 'live', live = 1, settled_at = NULL, broken = NULL "
        "WHERE run_id = 1 AND state = 'incomplete'"
    )
    ground.sql(
        'INSERT INTO workflow_runs SELECT (jsonb_populate_record(r, \'{"run_id": 2, "state": "running", '
        '"ended_at": null, "reason": null}\')).* FROM workflow_runs r'
    )
    ground.sql("UPDATE run_records SET run_id = 2 WHERE state = 'live'")
    ground.sql(
        "INSERT INTO run_records (run_id, record_id, workflow_id, live, state, broken, settled_at) "
        "SELECT 1, record_id, workflow_id, 0, 'incomplete', '[]', now() FROM run_records WHERE run_id = 2"
    )
    ground.tampered = True
    assert retry(ground) == 0


def test_the_command_says_what_it_would_do_and_does_it_when_told(ground: Ground, tmp_path: Path):
    switch = broken(ground, tmp_path)
    ground.run()
    switch.unlink()

    def said(*arguments: str) -> str:
        done = warm.wave("--project", ground.folder, "retry", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = said("run", "1")
    assert "would be tried again" in before
    assert "--yes --expect 2" in before
    assert ground.states("first") == {"completed": 3, "failed": 2}
    assert "2 interactions are tried again" in said("run", "1", "--yes", "--expect", "2")
    assert go_on(ground) == "completed"
    assert "nothing to try again" in said("workflow", "work")
    assert "nothing to try again" in said("workflow", "work", "--yes")
    [event] = ground.sql("SELECT data FROM interaction_events WHERE type = 'retried'")
    assert '"interactions":2' in event["data"]


@pytest.mark.parametrize("point", ["interactions/retry", "joins/reopen", "run_records/reopen+commit"])
def test_a_retry_that_dies_has_done_all_of_a_chunk_or_nothing(ground: Ground, tmp_path: Path, point: str):
    switch = broken(ground, tmp_path, steps=FORKED)
    ground.run()
    switch.unlink()
    with ground.process("retry", "run", "1", "--yes", WAVE_CRASH_AT=point) as dying:
        assert dying.wait() == -signal.SIGKILL
    done = point.endswith("+commit")
    assert ground.one("SELECT state FROM workflow_runs") == ("running" if done else "failed")
    assert retry(ground) == (0 if done else 2)
    assert go_on(ground) == "completed"


def test_what_waited_too_long_waits_anew_when_it_is_retried(ground: Ground):
    """Its time limit counts from the retry: counted from the beginning it would be over at once, for ever."""
    steps = "draw: {actor: ok, input: {text: record.text}, queue_timeout_s: 2, next: end}\n"
    ground.project(rows=rows(3), steps=steps, actors={"ok": OK})
    run_id = ground.start()
    ground.do(lambda engine: engine.orders().pause(Subject.ACTOR, "ok"))
    assert ground.do(lambda engine: run_to_end(engine, run_id)) == "failed"
    assert ground.states("draw") == {"quarantined": 3}
    ground.do(lambda engine: engine.orders().resume(Subject.ACTOR, "ok"))
    assert ground.do(lambda engine: engine.orders().retry(Subject.RUN, str(run_id), Filter())) == 3
    assert ground.do(lambda engine: run_to_end(engine, run_id)) == "completed"


def test_orders_need_one_connection_at_a_time(ground: Ground, tmp_path: Path):
    broken(ground, tmp_path)
    assert ground.run() == "failed"
    count = ground.do_alone(lambda engine: engine.orders().retry(Subject.RUN, "1", Filter()))
    assert count == 2
    assert ground.do_alone(lambda engine: engine.orders().cancel(Subject.RUN, "1")) == 2


def test_of_two_who_have_looked_at_the_same_one_tries_it_again(ground: Ground, tmp_path: Path):
    broken(ground, tmp_path)
    assert ground.run() == "failed"

    async def both(engine: Engine) -> list[int | BaseException]:
        mark = mark_of(await engine.orders().retryable(Subject.RUN, "1", Filter()))
        orders = [engine.acting_as(name).orders() for name in ("ann", "ben")]
        acts = [one.retry(Subject.RUN, "1", Filter(), expect=mark) for one in orders]
        return await asyncio.gather(*acts, return_exceptions=True)

    found = ground.do(both)
    assert sorted(type(one).__name__ for one in found) == ["ConflictError", "int"]
    assert [one for one in found if isinstance(one, int)] == [2]
    assert go_on(ground) == "failed"
