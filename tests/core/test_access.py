"""Roles, what is handed out, and how often a refusal is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.access import MAY, Action, Bound, Role, csrf_of, digest, is_same, read, written

SECRETS = st.text("abcXYZ019_-", min_size=43, max_size=43)


def test_a_role_that_says_more_may_more_and_who_audits_changes_nothing():
    assert MAY[Role.VIEWER] < MAY[Role.OPERATOR] < MAY[Role.REVIEWER] < MAY[Role.ADMIN] == set(Action)
    assert MAY[Role.VIEWER] < MAY[Role.AUDITOR] < MAY[Role.ADMIN]
    assert MAY[Role.AUDITOR] & {Action.OPERATE, Action.REVIEW} == set()


@given(st.integers(1, 10**18 - 1), SECRETS)
def test_what_is_handed_out_is_read_again(number: int, secret: str):
    assert read(written(number, secret)) == (number, secret)


@given(st.text())
def test_any_other_text_is_no_token(text: str):
    assert read(text) is None
    assert read(f"wave_1_{text}") is None or len(text) == 43


@given(SECRETS, SECRETS)
def test_one_secret_says_nothing_of_another(one: str, other: str):
    assert is_same(digest(one), digest(other)) == (one == other)
    assert (csrf_of(one) == csrf_of(other)) == (one == other)
    assert csrf_of(one) != digest(one).hex()


@given(st.lists(st.floats(0.0, 500.0), max_size=200))
def test_no_more_is_told_than_is_allowed_and_all_of_it_is_counted(gaps: list[float]):
    bound = Bound(at_once=3, every_s=60.0)
    now_s, told, untold = 0.0, [], 0
    for gap in gaps:
        now_s += gap
        found = bound.take(now_s)
        if found is None:
            untold += 1
        else:
            assert found == untold
            told.append(now_s)
            untold = 0
    for first in range(len(told)):
        for last in range(first, len(told)):
            assert last - first + 1 <= 3 + (told[last] - told[first]) / 60.0 + 1e-9
