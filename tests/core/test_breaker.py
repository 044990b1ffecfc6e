"""Breakers: what a failure says of whom, and a machine of failures, successes, time and probes."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wave_runner.core.breaker import (
    FAILURES_TO_OPEN,
    LONGEST_PAUSE_S,
    Breaker,
    Position,
    Sign,
    after_failure,
    sign_of,
)
from wave_runner.core.outcome import Breach, Done, ErrorClass, Failure, Outage


def failure(error_class: ErrorClass, outage: Outage | None = None) -> Failure:
    return Failure(error_class=error_class, message="no", outage=outage)


@pytest.mark.parametrize(
    ("outcome", "sign"),
    [
        (Done(output={}), Sign(of=Outage.MODEL, failed=False)),
        (Breach(rule="bad", message="bad"), Sign(of=Outage.MODEL, failed=False)),
        (failure(ErrorClass.PERMANENT), None),
        (failure(ErrorClass.INVALID_OUTPUT), Sign(of=Outage.MODEL, failed=False)),
        (failure(ErrorClass.TRANSIENT), Sign(of=Outage.MODEL, failed=True)),
        (failure(ErrorClass.TIMEOUT), Sign(of=Outage.MODEL, failed=True)),
        (failure(ErrorClass.PERMANENT, Outage.SERVER), Sign(of=Outage.SERVER, failed=True, grave=True)),
        (failure(ErrorClass.RATE_LIMITED, Outage.SERVER), Sign(of=Outage.SERVER, failed=True)),
    ],
)
def test_what_an_outcome_says_of_whoever_answered(outcome: Done | Breach | Failure, sign: Sign | None):
    assert sign_of(outcome) == sign


class Asked(RuleBasedStateMachine):
    """A server as the runners see it: they ask while its breaker lets them, and one tries when its time has come."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.waits_s = 0.0

    def fail(self, *, grave: bool, probe: bool, chance: float) -> None:
        before = self.breaker
        self.breaker = after_failure(before, grave=grave, probe=probe, chance=chance)
        if self.breaker.trips > before.trips:
            self.waits_s = self.breaker.pause_s

    @rule(grave=st.booleans(), chance=st.floats(0, 0.999))
    def a_request_that_was_on_its_way_fails(self, grave: bool, chance: float) -> None:
        before = self.breaker
        self.fail(grave=grave, probe=False, chance=chance)
        if before.position is not Position.CLOSED:
            assert self.breaker.position is before.position, "late failures change nothing"

    @precondition(lambda self: self.breaker.position is not Position.CLOSED and self.waits_s <= 0)
    @rule()
    def one_runner_tries(self) -> None:
        self.breaker = Breaker(
            position=Position.HALF_OPEN,
            failures=self.breaker.failures,
            trips=self.breaker.trips,
            pause_s=self.breaker.pause_s,
        )
        self.waits_s = 30.0

    @precondition(lambda self: self.breaker.position is Position.HALF_OPEN)
    @rule(grave=st.booleans(), chance=st.floats(0, 0.999))
    def the_probe_fails(self, grave: bool, chance: float) -> None:
        self.fail(grave=grave, probe=True, chance=chance)
        assert self.breaker.position is Position.OPEN

    @rule()
    def an_answer_comes(self) -> None:
        self.breaker, self.waits_s = Breaker(), 0.0

    @rule(seconds=st.sampled_from([0.5, 1, 30, 60]))
    def time_passes(self, seconds: float) -> None:
        self.waits_s -= seconds

    @invariant()
    def it_opens_in_time(self) -> None:
        if self.breaker.position is Position.CLOSED:
            assert self.breaker.failures < FAILURES_TO_OPEN
            assert self.breaker.trips == 0
        else:
            assert self.breaker.trips > 0

    @invariant()
    def it_is_never_left_alone_for_long(self) -> None:
        assert self.breaker.pause_s <= LONGEST_PAUSE_S
        assert self.breaker.position is Position.CLOSED or self.breaker.pause_s >= 0.5


TestAsked = Asked.TestCase
