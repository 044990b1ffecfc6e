"""What a run has much of, page by page: its records against its steps, its events, its waves; and its picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.reports.test_interactions import ask
from tests.support.projects import Ground, script

from wave_runner.errors import NotFoundError
from wave_runner.project.load import load_project
from wave_runner.reports.diagram import svg
from wave_runner.reports.events import events
from wave_runner.reports.failures import failures
from wave_runner.reports.matrix import matrix
from wave_runner.reports.run_diagram import workflow_of
from wave_runner.reports.waves import waves

if TYPE_CHECKING:
    from tests.support.counted_run import Counted

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def pages(run: Counted, read: Callable[..., Any], following: str, by: str, *given: Any) -> list[Any]:
    rows: list[Any] = []
    last = None
    while True:
        page = ask(run, read, *given, **{by: last}, limit=2)
        assert len(page.rows) <= 2
        rows += page.rows
        last = getattr(page, following)
        if last is None:
            return rows


def test_each_record_stands_in_each_step_that_it_has_come_to(counted: Counted):
    found = ask(counted, matrix, 1)
    assert found.steps == ["fetch", "check", "count"]
    stands = {row.key: (row.verdict, {step: one.states for step, one in row.cells.items()}) for row in found.rows}
    assert stands == {
        "haiku": ("completed", {"count": {"completed": 1}}),
        "proverb": ("completed", {"count": {"completed": 1}}),
        "saying": ("completed", {"count": {"completed": 1}}),
        "short": ("incomplete", {"count": {"quarantined": 1}}),
        "bomb": ("incomplete", {"count": {"failed": 1}}),
    }
    assert pages(counted, matrix, "next_after_id", "after", 1) == found.rows


def test_the_events_of_a_run_are_all_there_the_newest_first(counted: Counted):
    ids = [row[0] for row in counted.sql("SELECT event_id FROM interaction_events WHERE run_id = 1 ORDER BY 1 DESC")]
    found = pages(counted, events, "next_before_id", "before", 1)
    assert [one.event_id for one in found] == ids
    [failed] = [one for one in found if one.type == "interaction_failed"]
    assert (failed.key, failed.step, failed.said["attempt"]) == ("bomb", "count", 2)
    assert failed.cause == f"{failed.interaction_id}.{failed.seq - 1}"


def test_the_waves_of_a_run_are_those_of_its_queues_each_with_its_reason(counted: Counted):
    found = pages(counted, waves, "next_before_id", "before", 1)
    ids = [row[0] for row in counted.sql("SELECT wave_id FROM waves ORDER BY 1 DESC")]
    assert [one.wave_id for one in found] == ids
    assert pages(counted, waves, "next_before_id", "before") == found
    for one in found:
        assert one.reason
        assert (one.ended_by, one.closed_at is not None) == ("wave_closed", True)
        assert one.done is not None
        assert 0 <= one.done <= one.size
    assert ask(counted, waves).lanes == []  # no model server


def test_the_causes_of_failures_are_counted_over_runs_with_the_newest_of_each(ground: Ground):
    broken = script("if item['text'].startswith('bad'):\n    raise ValueError(item['text'])\nreturn {'words': 1}")
    texts = ["bad one", "good", "bad two"]
    for more in ([], ["bad three"]):
        ground.project(
            rows=[{"name": text, "text": text} for text in (*texts, *more)],
            actors={"count": broken},
            toml="[scripts.count]\nmax_attempts = 1\n",
        )
        ground.do(lambda engine: engine.sync(dev=True))
        ground.run()
    own = "SELECT max(interaction_id) FROM interactions WHERE run_id = {} AND state = 'failed'"
    [cause] = ground.do(lambda engine: failures(engine.database)).rows
    assert (cause.workflow, cause.step, cause.state) == ("work", "count", "failed")
    assert (cause.n, cause.records, cause.runs) == (3, 3, 2)
    assert ground.one("SELECT count(*) FROM interactions WHERE state = 'failed'") == 3
    assert (cause.first_run_id, cause.last_run_id) == (1, 2)
    assert cause.interaction_id == ground.one(own.format(2))
    assert cause.error == ground.one("SELECT error FROM interactions WHERE interaction_id = %s", cause.interaction_id)
    [alone] = ground.do(lambda engine: failures(engine.database, runs=1)).rows
    assert (alone.runs, alone.first_run_id) == (1, 2)
    assert ground.do(lambda engine: failures(engine.database, workflow="other")).rows == []


def test_a_run_is_drawn_as_it_was_pinned(counted: Counted):
    drawn = ask(counted, workflow_of, 1)
    assert svg(drawn) == svg(load_project(counted.folder).workflows[drawn.name])


@pytest.mark.parametrize("read", [matrix, events, waves, workflow_of])
def test_a_run_that_is_not_there_is_said(counted: Counted, read: Callable[..., Any]):
    with pytest.raises(NotFoundError, match="there is no run 99"):
        ask(counted, read, 99)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["report", "matrix"], "quarantined"),
        (["report", "events"], "interaction_retry_scheduled"),
        (["report", "waves", "1"], "while run 1 was open"),
        (["diagram", "--run", "1"], "flowchart"),
        (["report", "failures"], "quarantined"),
    ],
)
def test_the_commands_say_it_to_people(counted: Counted, command: list[str], says: str):
    done = counted.wave(*command)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert counted.wave("diagram").returncode == 2
