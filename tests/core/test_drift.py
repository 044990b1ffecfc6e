"""What a change of what was approved does: the stricter word holds, and each name has its own."""

from itertools import product

import pytest

from wave_runner.core.drift import REFUSES_NEW_RUNS, Drift, Policies, Policy, stricter

WARN, PIN, APPROVE, BLOCK = Policy


@pytest.mark.parametrize(("one", "other"), [*product(Policy, repeat=2)])
def test_the_stricter_of_two_is_the_later_of_them_whichever_comes_first(one: Policy, other: Policy):
    order = [WARN, PIN, APPROVE, BLOCK]
    assert stricter(one, other) is stricter(other, one) is order[max(order.index(one), order.index(other))]


def test_a_name_has_its_own_word_else_that_of_all_others_else_the_default():
    said = Policies(actors={"judge": WARN, "*": PIN}, workflows={"jobs": BLOCK})
    assert (said.of_actor("judge"), said.of_actor("saver")) == (WARN, PIN)
    assert (said.of_workflow("jobs"), said.of_workflow("other")) == (BLOCK, WARN)
    assert (Policies().of_actor("judge"), Policies().of_workflow("jobs")) == (BLOCK, WARN)


def test_a_run_is_refused_for_what_it_needs_itself_and_for_weights_too():
    found = Drift(
        actors={"saver": APPROVE, "judge": WARN, "elsewhere": BLOCK},
        workflows={"jobs": BLOCK, "other": APPROVE},
        weights={"writer": BLOCK, "reader": PIN},
    )
    assert found.refused("jobs", {"saver", "judge", "writer", "reader"}) == ["saver", "workflow jobs", "writer"]
    assert found.refused("quiet", {"judge", "reader"}) == []
    assert frozenset({APPROVE, BLOCK}) == REFUSES_NEW_RUNS


def test_what_is_pinned_is_that_of_the_run_alone():
    found = Drift(actors={"saver": PIN, "elsewhere": PIN, "judge": WARN})
    assert found.pinned({"saver", "judge"}) == ["saver"]
    assert found.pinned({"judge"}) == []
