"""What a task proposes for its form, and what an answer has changed of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.proposal import changed, proposed

values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.5, 1.0, "", "a"]),
    lambda one: st.lists(one, max_size=2) | st.dictionaries(st.sampled_from("xy"), one),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), values, max_size=4)


def test_a_field_is_proposed_what_is_shown_under_its_name():
    shown = {"text": "a posting", "level": "mid", "model": {"level": "junior", "pay": 3}, "other": {"pay": 4}}
    assert proposed(shown, ["level", "pay", "verdict"]) == {"level": "mid", "pay": 3}


def test_true_is_not_one_and_the_order_of_keys_is_nothing():
    proposal = {"sure": True, "where": {"x": 1, "y": [2]}, "left": "out"}
    assert changed({"sure": 1, "where": {"y": [2], "x": 1}}, proposal) == ["left", "sure"]


@given(OBJECTS, OBJECTS)
def test_only_what_differs_has_been_changed(proposal: dict[str, object], answer: dict[str, object]):
    found = changed(answer, proposal)
    assert changed({**answer, **{name: proposal[name] for name in found}}, proposal) == []
    assert changed(proposal, proposal) == []
    assert set(found) <= set(proposal)
