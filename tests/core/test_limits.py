"""Limits: whatever happens, no more is begun than they allow, and what has been paid for can still be saved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.limits import COUNTED, RECORD, RUN, UNITS, Limits, Spent, begun, short_of, used_up

AMOUNTS = st.dictionaries(st.sampled_from(COUNTED), st.integers(1, 12), max_size=4)
ATTEMPTS = st.lists(
    st.tuples(
        st.integers(0, 3),  # record
        st.integers(1, 3),  # attempt
        st.booleans(),  # a model does it
        st.builds(Spent, seconds=st.integers(0, 3), tokens=st.integers(0, 3), money=st.integers(0, 3)),
    ),
    max_size=80,
)


@given(AMOUNTS, AMOUNTS, ATTEMPTS)
def test_nothing_is_begun_beyond_a_limit_whatever_the_attempts_cost(of_record, of_run, attempts):
    """Interactions and calls are never more than allowed; what is known afterwards exceeds by one attempt at most."""
    limits = Limits(record=of_record, run=of_run)
    records, run = dict.fromkeys(range(4), Spent()), Spent()
    for record, attempt, calls_model, cost in attempts:
        found = used_up(limits, {RECORD: records[record], RUN: run}, attempt=attempt, calls_model=calls_model)
        if found is None:
            used = begun(attempt=attempt, calls_model=calls_model).plus(cost)
            records[record], run = records[record].plus(used), run.plus(used)
    for allowed, spent in [*((of_record, one) for one in records.values()), (of_run, run)]:
        for name, most in allowed.items():
            if name in ("interactions", "model_calls"):
                assert getattr(spent, name) <= most
            elif name == "seconds":
                assert spent.seconds < most + 3


@given(st.integers(1, 5))
def test_with_the_tokens_and_the_money_used_up_only_models_stop(most):
    limits = Limits(record={"tokens": most, "money": most, "model_calls": most})
    spent = {RECORD: Spent(tokens=most, money=most, model_calls=most), RUN: Spent()}
    assert used_up(limits, spent, attempt=1, calls_model=False) is None
    found = used_up(limits, spent, attempt=1, calls_model=True)
    assert found is not None
    assert found.rule == "limit_model_calls_per_record"


def test_a_retry_is_a_call_and_no_new_interaction():
    limits = Limits(record={"interactions": 1, "model_calls": 2})
    spent = {RECORD: Spent(interactions=1, model_calls=1), RUN: Spent()}
    assert used_up(limits, spent, attempt=2, calls_model=True) is None
    assert used_up(limits, spent, attempt=1, calls_model=False) is not None


@pytest.mark.parametrize(("depth", "stopped"), [(3, False), (4, True)])
def test_a_chain_of_causes_is_as_long_as_it_may_be(depth, stopped):
    found = used_up(Limits(chain_depth=3), {RUN: Spent()}, attempt=1, calls_model=False, depth=depth)
    assert (found is not None) == stopped


def test_what_is_used_up_is_said_as_the_file_has_it():
    limits = Limits(record={"money": UNITS["money"] // 4})
    found = used_up(limits, {RECORD: Spent(money=UNITS["money"] // 2)}, attempt=1, calls_model=True)
    assert found is not None
    assert found.message == "money_per_record is used up: 0.5 of 0.25; no call was made"


CALLS = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["begin", "settle", "lose"]), st.floats(0, 1)), max_size=60
)


@given(most=st.integers(0, 60), granted=st.integers(0, 20), calls=CALLS)
def test_what_calls_use_is_never_more_than_a_run_may_whoever_is_lost(most, granted, calls):
    """Each call reserves the most that it may use, and uses some of it; a lost one gives its reservation back."""
    limits, used, under_way = Limits(run={"money": most}), 0, []
    for asked, act, share in calls:
        if act == "begin":
            reserved = sum(under_way)
            short = short_of(
                limits,
                Spent(money=used),
                reserved=Spent(money=reserved),
                granted=Spent(money=granted),
                asked=Spent(money=asked),
            )
            assert (short is None) == (used + reserved + asked <= most + granted)
            if short is None:
                under_way.append(asked)
            else:
                assert short.passes == (used + asked <= most + granted)
        elif under_way:
            call = under_way.pop(asked % len(under_way))
            used += round(call * share) if act == "settle" else 0
        assert used + sum(under_way) <= most + granted
