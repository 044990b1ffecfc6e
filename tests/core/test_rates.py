"""Rates: a machine of runners that ask for leave, begin, end and die, held against a plain count of what has begun."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wave_runner.core.rates import MINUTE_S, Account, Rate, booking, refund_s, spacing_s, wait_s


class Leave(RuleBasedStateMachine):
    """One account with a clock of its own. `began` are the times at which requests began, with their tokens."""

    @initialize(
        concurrency=st.integers(1, 4), requests=st.sampled_from([None, 6, 60]), tokens=st.sampled_from([None, 1000])
    )
    def allow(self, concurrency: int, requests: int | None, tokens: int | None) -> None:
        self.rate = Rate(concurrency=concurrency, requests_per_minute=requests, tokens_per_minute=tokens)
        self.now = self.next_request = self.next_token = 0.0
        self.under_way: list[int] = []
        self.began: list[float] = []

    def stands(self) -> Account:
        return Account(
            under_way=len(self.under_way),
            next_request_s=max(0.0, self.next_request - self.now),
            next_token_s=max(0.0, self.next_token - self.now),
        )

    @rule(tokens=st.integers(1, 500))
    def ask(self, tokens: int) -> None:
        if wait_s([(self.rate, self.stands())]):
            return
        cost = booking(self.rate, tokens=tokens)
        if cost.request_s:
            self.next_request = max(self.next_request, self.now) + cost.request_s
        if cost.token_s:
            self.next_token = max(self.next_token, self.now) + cost.token_s
        self.under_way.append(tokens)
        self.began.append(self.now)

    @precondition(lambda self: self.under_way)
    @rule(share=st.floats(0, 1.5))
    def end(self, share: float) -> None:
        granted = self.under_way.pop()
        self.next_token -= refund_s(self.rate, granted=granted, used=int(granted * share))

    @precondition(lambda self: self.under_way)
    @rule()
    def die(self) -> None:
        """What a killed runner had in hand goes back: its place is free, its tokens stay booked."""
        self.under_way.clear()

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.0, 9.9, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def never_more_at_once(self) -> None:
        if hasattr(self, "rate"):
            assert len(self.under_way) <= (self.rate.concurrency or 0)

    @invariant()
    def never_more_in_any_minute(self) -> None:
        if hasattr(self, "rate") and self.rate.requests_per_minute:
            for first in self.began:
                inside = sum(first <= time < first + MINUTE_S - 1e-6 for time in self.began)
                assert inside <= self.rate.requests_per_minute


TestLeave = Leave.TestCase


def test_who_allows_the_least_decides():
    slow, fast = Rate(requests_per_minute=6), Rate(requests_per_minute=60)
    assert spacing_s([slow, fast]) == 10
    assert spacing_s([]) == 0
    assert wait_s([(slow, Account(next_request_s=7)), (fast, Account())]) == 7
    assert not Rate()
