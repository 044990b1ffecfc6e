"""When another try is made: bounded in number, spread in time, and never where it cannot help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.outcome import ErrorClass
from wave_runner.core.retry import BASE_S, CAP_S, delay_before_retry

RETRIED = [one for one in ErrorClass if one is not ErrorClass.PERMANENT]
CHANCE = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("error_class", RETRIED)
def test_the_last_attempt_is_the_last(error_class):
    assert delay_before_retry(error_class, errors=2, max_attempts=3, chance=0.5) is not None
    assert delay_before_retry(error_class, errors=3, max_attempts=3, chance=0.5) is None
    assert delay_before_retry(error_class, errors=4, max_attempts=3, chance=0.5) is None


def test_what_can_never_succeed_is_not_tried_again():
    assert delay_before_retry(ErrorClass.PERMANENT, errors=1, max_attempts=9, chance=0.5, asked_s=1.0) is None


@given(st.integers(1, 10_000), CHANCE)
def test_the_delay_lies_anywhere_between_nothing_and_a_doubling_window(attempt, chance):
    delay = delay_before_retry(ErrorClass.TRANSIENT, errors=attempt, max_attempts=10_001, chance=chance)
    assert delay == chance * min(CAP_S, BASE_S * 2.0 ** min(attempt - 1, 30))
    assert 0 <= delay < CAP_S


def test_the_window_doubles_and_stops_at_the_cap():
    delays = [
        delay_before_retry(ErrorClass.TRANSIENT, errors=attempt, max_attempts=99, chance=0.5)
        for attempt in range(1, 13)
    ]
    assert delays == [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 150, 150, 150]


@given(st.floats(0, 10_000), CHANCE)
def test_a_server_that_asks_for_time_gets_at_least_that_and_never_more_than_an_hour(asked_s, chance):
    """A garbled header must not park work for years."""
    delay = delay_before_retry(ErrorClass.RATE_LIMITED, errors=1, max_attempts=2, chance=chance, asked_s=asked_s)
    assert min(asked_s, 3600.0) <= delay <= 3600.0
