"""Interactions are found by what is asked for, page by page; and one is shown whole, try by try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from wave_runner.core.interaction import State
from wave_runner.errors import NotFoundError
from wave_runner.reports.interaction import InteractionPage, interaction
from wave_runner.reports.interactions import Interactions, Wanted, interactions
from wave_runner.store.database import Database

if TYPE_CHECKING:
    from tests.support.counted_run import Counted

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]

T = TypeVar("T")
SOME_STATES = (State.COMPLETED, State.FAILED, State.QUARANTINED, State.WAITING)
LIKE = """\
SELECT interaction_id FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
LEFT JOIN records r USING (record_id)
WHERE i.run_id = 1 AND s.name = coalesce(%s, s.name) AND state::text = coalesce(%s, state::text)
  AND (%s::text IS NULL OR error_class = %s) AND (%s::text IS NULL OR r.key = %s)
ORDER BY interaction_id DESC
"""


def ask(run: Counted, report: Any, *given: Any, **options: Any) -> Any:
    return on_database(run, lambda database: report(database, *given, **options))


def on_database(run: Counted, act: Callable[[Database], Awaitable[T]]) -> T:
    async def done() -> T:
        database = Database(run.url, schema="wave", size=2)
        await database.open()
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(done())


def listed(run: Counted, **options: Any) -> Interactions:
    found: Interactions = ask(run, interactions, 1, collections=["items"], **options)
    return found


def shown(run: Counted, interaction_id: int) -> InteractionPage:
    found: InteractionPage = ask(run, interaction, interaction_id, run_id=1)
    return found


async def all_pages(database: Database, **options: Any) -> list[int]:
    """Return what is found when one goes on as long as there is more."""
    ids: list[int] = []
    before = None
    while True:
        page = await interactions(database, 1, collections=["items"], before=before, **options)
        ids += [one.interaction_id for one in page.rows]
        before = page.next_before_id
        if before is None:
            return ids


def like(run: Counted, wanted: Wanted, key: str | None = None) -> list[int]:
    state, error_class = wanted.state, wanted.error_class
    given = (wanted.step, state, error_class, error_class, key, key)
    return [int(str(row[0])) for row in run.sql(LIKE, *given)]


def test_what_is_asked_for_is_found_and_nothing_else_however_far_is_looked(counted: Counted):
    """By every way to look: by place, by record, and among those in trouble; on small pages, with short looks."""
    [[failed_so]] = counted.sql("SELECT DISTINCT error_class FROM interactions WHERE state = 'failed'")
    asked = [
        (Wanted(step=step, state=state, error_class=error_class), key)
        for step, state, error_class, key in product(
            (None, "count"), (None, *SOME_STATES), (None, str(failed_so)), (None, "bomb")
        )
    ]
    expected = [like(counted, wanted, key) for wanted, key in asked]
    assert sum(bool(ids) for ids in expected) > len(SOME_STATES)

    async def found(database: Database) -> list[tuple[Wanted, str | None, int]]:
        wrong = []
        for (wanted, key), ids in zip(asked, expected, strict=True):
            for limit, look in [(500, 500), (2, 500), (2, 3), (1, 1)]:
                if await all_pages(database, wanted=wanted, key=key, limit=limit, look=look) != ids:
                    wrong.append((wanted, key, look))
        return wrong

    assert on_database(counted, found) == []


def test_a_page_that_is_not_full_says_how_many_were_looked_at(counted: Counted):
    page = listed(counted, wanted=Wanted(state=State.WAITING), look=3)
    ids = like(counted, Wanted())
    assert (page.rows, page.looked_at, page.next_before_id) == ([], 3, ids[2])
    assert listed(counted, wanted=Wanted(state=State.WAITING)).looked_at is None
    assert listed(counted, wanted=Wanted(state=State.FAILED), look=3).looked_at is None  # those are all found at once


def test_an_interaction_is_shown_with_each_try_and_what_had_led_to_it(counted: Counted):
    [bomb] = listed(counted, key="bomb").rows
    page = shown(counted, bomb.interaction_id)
    assert page.interaction == bomb
    assert (bomb.step, bomb.state, bomb.key, bomb.attempt) == ("count", "failed", "bomb", 2)
    assert [(one.attempt, one.ended_by) for one in page.attempts] == [
        (1, "interaction_retry_scheduled"),
        (2, "interaction_failed"),
    ]
    for one in page.attempts:
        assert one.reason
        assert one.wave_id is not None
        assert one.error_class is not None
        assert one.ended_at is not None
        assert one.began_at <= one.ended_at
        [evidence] = [kept for kept in one.evidence if kept.role == "error"]
        assert (evidence.text or "").startswith("Traceback")
    assert [(one.type, one.attempt) for one in page.events] == [
        ("interaction_started", 1),
        ("interaction_retry_scheduled", 1),
        ("interaction_started", 2),
        ("interaction_failed", 2),
    ]
    assert (page.causes[0].step, page.causes[0].type) == ("fetch", "interaction_started")
    assert page.causes[-1].event == f"{bomb.interaction_id}.4"
    assert page.parent_step == "check"


def test_what_was_stopped_before_it_was_tried_has_no_attempt(counted: Counted):
    [stopped] = listed(counted, wanted=Wanted(state=State.QUARANTINED)).rows
    page = shown(counted, stopped.interaction_id)
    assert (page.attempts, stopped.rule is not None) == ([], True)


@pytest.mark.parametrize("interaction_id", [10**6, 2**63 - 1])
def test_what_its_run_does_not_have_is_not_there(counted: Counted, interaction_id: int):
    with pytest.raises(NotFoundError, match=f"run 1 has no interaction {interaction_id}"):
        shown(counted, interaction_id)
    with pytest.raises(NotFoundError, match="no record 'nobody'"):
        listed(counted, key="nobody")


def test_the_commands_say_it_to_people(counted: Counted):
    done = counted.wave("report", "interactions", "1", "--state", "failed")
    assert done.returncode == 0, done.stderr
    assert "bomb" in done.stdout
    [bomb] = listed(counted, key="bomb").rows
    done = counted.wave("report", "interaction", str(bomb.interaction_id), "--run", "1")
    assert done.returncode == 0, done.stderr
    for said in ("interaction_retry_scheduled", "Traceback", "what led to it"):
        assert said in done.stdout
    assert counted.wave("report", "interaction", "99999").returncode == 4
    assert counted.wave("report", "interactions", "--state", "happy").returncode == 2
