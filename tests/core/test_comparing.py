"""Two results side by side: every field has one verdict, and what differs comes first."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import comparing
from wave_runner.core.comparing import Likeness, Pair, Side

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)
OUTPUTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def pair(a: Any, b: Any, record: str = "r") -> Pair:
    sides = [None if output is None else Side(state="completed", output=output) for output in (a, b)]
    return Pair(record=record, step="s", a=sides[0], b=sides[1])


@given(OUTPUTS)
def test_an_output_is_equal_to_itself_in_every_field(output: dict):
    assert set(comparing.compare(output, output).values()) <= {Likeness.EQUAL}
    assert pair(output, output).likeness is Likeness.EQUAL


@given(OUTPUTS, OUTPUTS)
def test_the_other_way_round_everything_is_the_other_way_round(a: dict, b: dict):
    turned = {Likeness.ONLY_A: Likeness.ONLY_B, Likeness.ONLY_B: Likeness.ONLY_A}
    there, back = comparing.compare(a, b), comparing.compare(b, a)
    assert {name: turned.get(one, one) for name, one in there.items()} == back
    assert (pair(a, b).likeness is Likeness.EQUAL) == comparing.same(comparing.flat(a), comparing.flat(b))


@given(st.lists(st.tuples(st.none() | OUTPUTS, st.none() | OUTPUTS), max_size=8))
def test_every_pair_is_counted_once_and_none_is_lost_by_the_order(outputs: list):
    pairs = [pair(a, b, str(number)) for number, (a, b) in enumerate(outputs)]
    assert sum(comparing.counted(pairs).values()) == len(pairs)
    ordered = comparing.differing_first(pairs)
    assert sorted(one.record for one in ordered) == sorted(one.record for one in pairs)
    equal = [one.likeness is Likeness.EQUAL for one in ordered]
    assert equal == sorted(equal)


def test_fields_inside_objects_have_paths_and_lists_are_compared_as_a_whole():
    found = comparing.compare({"a": {"x": 1, "y": [1, 2]}, "n": 1, "b": True}, {"a": {"x": 1.0, "y": [2, 1]}, "b": 1})
    assert found == {
        "a.x": Likeness.EQUAL,
        "a.y": Likeness.DIFFERS,
        "n": Likeness.ONLY_A,
        "b": Likeness.DIFFERS,  # 1 is not true
    }


def test_what_a_side_took_counts_what_is_unknown_apart():
    sides = [
        Side(state="completed", output={}, us=10, tokens=5, money=7),
        Side(state="completed", output={}, us=30, tokens=None, money=None),
        Side(state="quarantined", rule="output_schema", us=1000),
        Side(state="failed", rule="timeout"),
    ]
    found = comparing.took(sides)
    assert (found.results, found.completed, found.median_us, found.tokens) == (4, 2, 20, 5)
    assert found.broken == {"output_schema": 1, "timeout": 1}
    assert (found.money, found.unknown_money) == (7, 3)
