"""The mark of a preview: the same for the same things, and another for others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.marks import mark_of, surprise

CHOSEN = st.frozensets(st.tuples(st.integers(0, 50), st.sampled_from(["failed", "completed"])), max_size=20)


@given(CHOSEN, CHOSEN, st.randoms(use_true_random=False))
def test_a_mark_says_whether_exactly_the_same_is_chosen(one, other, random):
    mixed = list(one)
    random.shuffle(mixed)
    assert mark_of(mixed) == mark_of(one)
    assert (mark_of(one) == mark_of(other)) == (one == other)


@given(CHOSEN, CHOSEN)
def test_what_was_not_looked_at_is_a_surprise(one, other):
    there = {"there": len(one), "marked": mark_of(one), "said": "records are chosen"}
    assert surprise(None, **there) == surprise(len(one), **there) == surprise(mark_of(one), **there) == ""
    assert bool(surprise(mark_of(other), **there)) == (one != other)
    assert bool(surprise(len(other), **there)) == (len(one) != len(other))
