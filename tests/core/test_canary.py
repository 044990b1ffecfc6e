"""The gates of a canary: each bound by itself, and the distance of two distributions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.canary import USUAL_GATES, Bound, Figures, Gate, Measure, Then, distance, judge, passes, pauses

SCORE = ("score", "verdict")
NOTE = ("write", "note")


def figures(**given) -> Figures:
    return Figures(**{"records": 20, "quarantined": 0, "failed": 0, **given})


def holds(gate: Gate, now: Figures, before: Figures | None = None) -> bool | None:
    [judged] = judge([gate], now, before)
    return judged.holds


@pytest.mark.parametrize(
    ("gate", "now", "before", "said"),
    [
        (("quarantined", "most", 0.1), {"quarantined": 2}, None, True),
        (("quarantined", "most", 0.1), {"quarantined": 3}, None, False),
        (("failed", "more", 0.1), {"failed": 3}, {"failed": 1}, True),
        (("failed", "more", 0.1), {"failed": 4}, {"failed": 1}, False),
        (("failed", "more", 0.1), {"failed": 20}, None, None),
        (("seconds", "most", 5), {"seconds": {"score": 6.0}}, None, False),
        (("seconds", "times", 2), {"seconds": {"score": 6.0}}, {"seconds": {"score": 3.0}}, True),
        (("seconds", "times", 2), {"seconds": {"score": 6.1}}, {"seconds": {"score": 3.0}}, False),
        (("seconds", "times", 2), {"seconds": {"score": 1.0}}, {"seconds": {"score": 3.0}}, True),
        (("seconds", "times", 2), {"seconds": {"score": 1.0}}, {"seconds": {"score": 0.0}}, None),
        (("seconds", "most", 5), {}, None, None),
    ],
)
def test_each_bound(gate, now, before, said):
    measure, bound, limit = gate
    step = "score" if measure == "seconds" else ""
    asked = Gate(measure=Measure(measure), bound=Bound(bound), limit=limit, step=step)
    assert holds(asked, figures(**now), figures(**before) if before is not None else None) is said


def test_a_length_may_neither_grow_nor_shrink_beyond_its_times():
    gate = Gate(measure=Measure.LENGTH, bound=Bound.TIMES, limit=2, step="write", field="note")
    before = figures(lengths={NOTE: 100.0})
    for length, said in ((50.0, True), (49.0, False), (200.0, True), (201.0, False)):
        assert holds(gate, figures(lengths={NOTE: length}), before) is said


def test_shares_of_a_field_are_bounded_by_value_and_by_their_distance():
    now, before = figures(shares={SCORE: {"FAKE": 0.5, "REAL": 0.5}}), figures(shares={SCORE: {"REAL": 1.0}})
    apart = Gate(measure=Measure.SHARES, bound=Bound.DISTANCE, limit=0.4, step="score", field="verdict")
    most = Gate(measure=Measure.SHARES, bound=Bound.MOST, limit=0.4, step="score", field="verdict", value="FAKE")
    least = Gate(measure=Measure.SHARES, bound=Bound.LEAST, limit=0.1, step="score", field="verdict", value="ODD")
    assert [holds(gate, now, before) for gate in (apart, most, least)] == [False, False, False]
    assert holds(apart, now, None) is None
    assert holds(apart, now, now) is True


def test_only_a_gate_that_is_broken_keeps_the_others_waiting():
    judged = judge(USUAL_GATES, figures(), None)
    assert [one.holds for one in judged] == [True, None, True, None]
    assert passes(judged)
    assert not passes(judge(USUAL_GATES, figures(quarantined=6), None))


@pytest.mark.parametrize(
    ("then", "passed", "said"),
    [
        (Then.GO_ON, True, False),
        (Then.GO_ON, False, False),
        (Then.PAUSE, True, False),
        (Then.PAUSE, False, True),
        (Then.ASK, True, True),
        (Then.ASK, False, True),
    ],
)
def test_what_follows(then: Then, passed: bool, said: bool):
    assert pauses(then, passed=passed) is said


COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 50), min_size=1)


def shares(counts: dict[str, int]) -> dict[str, float]:
    return {value: n / sum(counts.values()) for value, n in counts.items()}


@given(COUNTS, COUNTS, COUNTS)
def test_a_distance_is_one(one, other, third):
    one, other, third = shares(one), shares(other), shares(third)
    assert distance(one, one) == 0
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert 0 <= distance(one, other) <= 1 + 1e-9
    assert distance(one, third) <= distance(one, other) + distance(other, third) + 1e-9
    largest = max(
        abs(sum(one.get(v, 0) for v in some) - sum(other.get(v, 0) for v in some))
        for some in [[v for i, v in enumerate("abcde") if mask >> i & 1] for mask in range(32)]
    )
    assert distance(one, other) == pytest.approx(largest), "the largest difference of what any set of values has"
