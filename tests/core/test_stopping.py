"""When the last results of a step pause its run: by their number, and exactly."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wave_runner.core.interaction import State
from wave_runner.core.stopping import BAD, GOOD, Stop, is_met, look

STOP = Stop(last=10, bad=0.3, values={"verdict": ("FAKE",)})


@pytest.mark.parametrize(
    ("state", "output", "said"),
    [
        (State.COMPLETED, '{"verdict":"GENUINE"}', GOOD),
        (State.COMPLETED, '{"verdict":"FAKE"}', BAD),
        (State.COMPLETED, '["FAKE"]', GOOD),
        (State.COMPLETED, "{}", GOOD),
        (State.QUARANTINED, None, BAD),
        (State.FAILED, None, BAD),
        (State.PENDING, None, ""),
        (State.WAITING, None, ""),
    ],
)
def test_what_looks_bad(state: State, output: str | None, said: str):
    assert look(STOP, state, output) == said


def test_more_than_the_share_stops_and_the_share_itself_does_not():
    assert not is_met(STOP, GOOD * 7 + BAD * 3)
    assert is_met(STOP, GOOD * 6 + BAD * 4)
    assert is_met(STOP, BAD * 4), "what is enough is enough before the window is full"
    assert is_met(Stop(last=10, bad=0), BAD)


@example(hundredths=29, tens=1)
@given(hundredths=st.integers(0, 99), tens=st.integers(1, 10))
def test_a_share_is_counted_exactly_whatever_a_float_makes_of_it(hundredths: int, tens: int):
    stop = Stop(last=tens * 100, bad=hundredths / 100)
    allowed = hundredths * tens
    assert not is_met(stop, BAD * allowed)
    assert is_met(stop, BAD * (allowed + 1))
