"""Costs are exact to the last digit, and what nobody knows has none."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.cost import CACHED, INPUT, OUTPUT, SECOND, Entry, amount, entry_of, price_of
from wave_runner.core.outcome import Usage

BILLION, MILLION = 10**9, 10**6
# 0.15, 0.075 and 0.6 for a million, 0.000306 for a second
PRICE = {INPUT: 150_000, CACHED: 75_000, OUTPUT: 600_000, SECOND: 306_000_000}


def test_tokens_and_time_are_priced_apart_and_cached_tokens_by_their_own_price():
    used = Usage(tokens_in=1000, tokens_cached=400, tokens_out=200, service_us=2_500_000)
    assert entry_of(PRICE, used) == Entry(
        tokens_in=1000,
        tokens_cached=400,
        tokens_out=200,
        service_us=2_500_000,
        token_money=600 * 150 + 400 * 75 + 200 * 600,
        machine_money=765_000,
    )


def test_cached_tokens_cost_what_others_do_where_nothing_else_is_said():
    used = Usage(tokens_in=10, tokens_cached=4)
    assert entry_of({INPUT: 1000}, used).token_money == 10


def test_a_server_that_has_more_in_its_cache_than_it_was_sent_is_not_believed():
    entry = entry_of({INPUT: 3000, CACHED: 1000}, Usage(tokens_in=10, tokens_cached=99))
    assert (entry.tokens_cached, entry.token_money) == (10, 10)


def test_tokens_that_nobody_has_counted_have_no_cost_and_the_time_has_one():
    entry = entry_of(PRICE, Usage(service_us=MILLION))
    assert (entry.tokens_in, entry.tokens_cached, entry.tokens_out, entry.token_money) == (None, None, None, None)
    assert entry.money == entry.machine_money == 306_000


def test_a_request_that_was_refused_has_used_no_tokens_and_cost_nothing():
    entry = entry_of(PRICE, Usage(refused=True, service_us=MILLION))
    assert (entry.tokens_in, entry.tokens_cached, entry.tokens_out, entry.token_money) == (0, 0, 0, 0)


def test_tokens_that_cost_nothing_cost_nothing_also_where_nobody_has_counted_them():
    assert entry_of({SECOND: 1}, Usage(service_us=1)).token_money == 0


def test_without_a_price_nothing_has_a_cost():
    entry = entry_of({}, Usage(tokens_in=10, tokens_out=10, service_us=10))
    assert (entry.token_money, entry.machine_money, entry.money) == (None, None, 0)


def test_a_price_is_what_stands_in_the_file_to_the_last_decimal_or_is_refused():
    assert price_of(INPUT, 0.0375) == 37_500
    assert price_of(INPUT, 0.000001) == 1
    assert price_of(INPUT, 0.0000001) is None
    assert price_of(SECOND, 0.000691666667) == 691_666_667


tokens = st.integers(0, 2**31 - 1)
prices = st.integers(0, 10**9)


@given(
    tokens_in=tokens.filter(bool), cached=tokens, out=tokens, us=tokens, price=st.tuples(prices, prices, prices, prices)
)
def test_a_cost_is_the_exact_one_rounded_once(tokens_in, cached, out, us, price):
    named = dict(zip((INPUT, CACHED, OUTPUT, SECOND), price, strict=True))
    entry = entry_of(named, Usage(tokens_in=tokens_in, tokens_cached=cached, tokens_out=out, service_us=us))
    cached = min(cached, tokens_in)
    exact = Fraction((tokens_in - cached) * price[0] + cached * price[1] + out * price[2], 1000)
    machine = Fraction(us * price[3], 1000 * MILLION)
    assert entry.token_money == int(exact + Fraction(1, 2))
    assert entry.machine_money == int(machine + Fraction(1, 2))
    assert amount(entry.money) * BILLION == entry.money


def test_sums_of_costs_are_exact_where_floats_are_not():
    assert sum((amount(100_000_000) for _ in range(10)), Decimal()) == 1
