"""What a schedule does about times that have passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wave_runner.core.due import MOST_COUNTED, CatchUp, Due, Missed, decide

HOURLY = "0 * * * *"


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, 1, hour, minute, second, tzinfo=UTC)


def decided(catch_up: CatchUp, now: datetime, next_at: datetime | None = None, expression: str = HOURLY) -> Due:
    return decide(expression, UTC, catch_up, next_at=next_at or at(6), now=now)


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("now", [at(6), at(6, 0, 1), at(6, 1)])
def test_what_is_due_is_fired_whatever_the_policy(catch_up: CatchUp, now: datetime):
    assert decided(catch_up, now) == Due(fire=at(6), missed=None, next_at=at(7))


def test_to_skip_is_to_fire_nothing_late():
    assert decided(CatchUp.SKIP, at(6, 2)) == Due(fire=None, missed=Missed(count=1, first=at(6)), next_at=at(7))
    assert decided(CatchUp.SKIP, at(9, 30)) == Due(fire=None, missed=Missed(count=4, first=at(6)), next_at=at(10))


def test_to_skip_is_to_fire_what_is_on_time_after_a_gap():
    assert decided(CatchUp.SKIP, at(9, 0, 30)) == Due(fire=at(9), missed=Missed(count=3, first=at(6)), next_at=at(10))


def test_once_is_the_last_one():
    assert decided(CatchUp.ONCE, at(9, 30)) == Due(fire=at(9), missed=Missed(count=3, first=at(6)), next_at=at(10))


def test_all_is_one_after_the_other():
    fired, next_at = [], at(6)
    while next_at <= at(9, 30):
        due = decided(CatchUp.ALL, at(9, 30), next_at)
        assert due.missed is None
        assert due.fire is not None
        assert due.next_at is not None
        fired.append(due.fire)
        next_at = due.next_at
    assert fired == [at(6), at(7), at(8), at(9)]


def test_years_of_minutes_are_counted_up_to_a_bound():
    due = decided(CatchUp.ONCE, at(6), at(6) - timedelta(days=1000), "* * * * *")
    assert (due.fire, due.next_at) == (at(6), at(6, 1))
    assert due.missed == Missed(count=MOST_COUNTED, first=at(6) - timedelta(days=1000))


def test_a_time_that_an_older_expression_has_set_is_kept():
    due = decided(CatchUp.ONCE, at(6, 30), at(6, 17))
    assert due == Due(fire=at(6, 17), missed=None, next_at=at(7))
