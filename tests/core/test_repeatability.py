"""Kappa gives what the literature gives, and agreement is what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import repeatability
from wave_runner.core.repeatability import cohen, fleiss, pairwise

# J. L. Fleiss, 1971, table 1: thirty patients, six psychiatrists each, five diagnoses. Its kappa is .430.
DIAGNOSES = """\
0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6
1 0 0 5 0|1 1 0 4 0|0 3 3 0 0|1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3
0 0 0 0 6|0 1 0 5 0|0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|0 2 0 4 0|1 0 5 0 0|0 0 0 0 6
"""

# Fourteen raters, ten subjects, five categories: the worked example of many textbooks, .210.
FOURTEEN = "0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7"


def judgements(table: str) -> list[list[int]]:
    lines = [line.split() for line in table.replace("\n", "|").strip("|").split("|")]
    return [[category for category, n in enumerate(line) for _ in range(int(n))] for line in lines]


@pytest.mark.parametrize(("table", "kappa"), [(DIAGNOSES, 0.430), (FOURTEEN, 0.210)], ids=["1971", "fourteen"])
def test_fleiss_kappa_is_that_of_the_published_examples(table: str, kappa: float):
    assert fleiss(judgements(table)) == pytest.approx(kappa, abs=0.0005)


@pytest.mark.parametrize(
    ("cells", "kappa"),
    [
        # J. L. Fleiss, Statistical Methods for Rates and Proportions, table 18.1: two raters, a hundred subjects.
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.676),
        ([[20, 5], [10, 15]], 0.4),
    ],
    ids=["diagnoses", "proposals"],
)
def test_cohens_kappa_is_that_of_the_published_examples(cells: list[list[int]], kappa: float):
    pairs = [(a, b) for a, line in enumerate(cells) for b, n in enumerate(line) for _ in range(n)]
    assert cohen([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(kappa, abs=0.0005)


@given(st.lists(st.sampled_from("xyz"), min_size=2, max_size=20))
def test_who_always_agrees_with_himself_has_a_kappa_of_one_unless_chance_does_it(answers: list[str]):
    wanted = None if len(set(answers)) == 1 else pytest.approx(1)
    assert cohen(answers, answers) == wanted
    assert fleiss([[one, one, one] for one in answers]) == wanted


@given(st.lists(st.lists(st.sampled_from("xy"), min_size=3, max_size=3), min_size=1, max_size=10))
def test_kappa_and_agreement_do_not_depend_on_who_was_asked_first(subjects: list[list[str]]):
    turned = [one[::-1] for one in subjects[::-1]]
    assert fleiss(turned) == pytest.approx(fleiss(subjects)) if fleiss(subjects) is not None else fleiss(turned) is None
    assert [pairwise(one) for one in turned[::-1]] == [pairwise(one) for one in subjects]


def test_fields_are_told_by_what_they_are_and_the_least_steady_record_comes_first():
    records = {
        "a": [{"verdict": "GOOD", "score": 10, "why": "x"}, {"verdict": "GOOD", "score": 20, "why": "y"}],
        "b": [{"verdict": "GOOD", "score": 5, "why": "x"}, {"verdict": "BAD", "score": 5.0, "why": "x"}],
        "c": [{"verdict": "BAD", "score": 1, "why": "x"}, {"verdict": "BAD", "score": 1, "why": "x"}],
    }
    fields = {one.field: one for one in repeatability.by_field(records, ["verdict"])}
    assert fields["verdict"].kappa == pytest.approx(1 / 3)
    assert fields["verdict"].spread is None
    assert (fields["score"].spread, fields["score"].widest, fields["score"].kappa) == (pytest.approx(5 / 3), 10, None)
    assert fields["why"].agreement == pytest.approx(2 / 3)
    assert [one.record for one in repeatability.unsteady(records)] == ["a", "b"]
    assert repeatability.unsteady(records)[1].fields == {"verdict": {'"GOOD"': 1, '"BAD"': 1}}


def test_judgements_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="as many judgements"):
        fleiss([["x"], ["x", "y"]])
    with pytest.raises(ValueError, match="the same things"):
        cohen(["x"], [])
