"""Gold: an answer is right where it has what is expected, a number within its tolerance."""

from __future__ import annotations

from wave_runner.core import gold
from wave_runner.core.gold import Judged


def judged(case: str, expected: dict, output: dict | None, **tolerance: float) -> Judged:
    return Judged(case=case, expected=expected, tolerance=tolerance, output=output)


CASES = [
    judged("a", {"verdict": "FAKE", "score": 90}, {"verdict": "FAKE", "score": 94, "why": "x"}, score=5),
    judged("b", {"verdict": "FAKE", "score": 90}, {"verdict": "GENUINE", "score": 96}, score=5),
    judged("c", {"verdict": "GENUINE"}, {"verdict": "GENUINE", "score": 0}),
    judged("d", {"verdict": "GENUINE"}, None),
]


def test_only_what_is_expected_counts_and_numbers_may_be_off_by_their_tolerance():
    assert [one.is_right for one in CASES] == [True, False, True, False]
    assert CASES[1].fields == {"verdict": False, "score": False}


def test_each_field_has_its_accuracy_and_an_enum_its_confusion():
    by_name = {one.field: one for one in gold.by_field(CASES, ["verdict"])}
    assert (by_name["verdict"].right, by_name["verdict"].cases, by_name["verdict"].accuracy) == (2, 4, 0.5)
    assert by_name["verdict"].confusion == {
        "FAKE": {"FAKE": 1, "GENUINE": 1},
        "GENUINE": {"(no answer)": 1, "GENUINE": 1},
    }
    assert (by_name["score"].right, by_name["score"].cases, by_name["score"].error) == (1, 2, 5.0)
    assert by_name["score"].confusion == {}


def test_since_the_last_time_counts_what_both_have():
    now = [
        judged("b", {"verdict": "FAKE"}, {"verdict": "FAKE"}),
        judged("c", {"verdict": "GENUINE"}, {"verdict": "FAKE"}),
        judged("e", {"verdict": "GENUINE"}, {"verdict": "FAKE"}),
    ]
    found = gold.since(7, CASES, now)
    assert (found.run_id, found.better, found.worse) == (7, ("b",), ("c",))
