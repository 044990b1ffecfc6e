"""When people agree: what they choose counts, and what they write in words of their own does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.agreement import agreed, chosen, told

LISTED = frozenset({"PASS", "FAIL"})
ANSWERS = st.lists(
    st.fixed_dictionaries({"verdict": st.sampled_from(["PASS", "FAIL"]), "n": st.integers(0, 2)}), max_size=8
)


def test_free_texts_and_the_order_of_fields_do_not_keep_two_people_apart():
    first = {"verdict": "PASS", "n": 1, "why": "short", "parts": ["PASS", "a word"]}
    second = {"why": "a long explanation", "parts": ["PASS"], "n": 1, "verdict": "PASS"}
    assert agreed([first, second], needs=2, listed=LISTED) == second


def test_an_answer_of_free_texts_alone_is_compared_as_a_whole():
    assert agreed([{"why": "a"}, {"why": "b"}], needs=2, listed=LISTED) is None
    assert agreed([{"why": "a"}, {"why": "a"}], needs=2, listed=LISTED) == {"why": "a"}


def test_one_and_true_are_two_answers():
    assert agreed([{"n": 1}, {"n": True}], needs=2, listed=LISTED) is None


@given(ANSWERS, st.integers(1, 4))
def test_there_is_an_agreement_exactly_when_enough_people_chose_the_same(answers, needs):
    most = max((answers.count(one) for one in answers), default=0)
    found = agreed(answers, needs=needs, listed=LISTED)
    assert (found is not None) == (most >= needs)
    assert found is None or answers.count(found) >= needs


def test_an_event_is_told_what_was_chosen_of_the_forms_own_fields():
    answer = {
        "verdict": "PASS",
        "sure": True,
        "n": 2**60,
        "score": 0.5,
        "why": "words",
        "own": "PASS",
        "deep": {"n": 1},
    }
    answer |= {"größe": 1}
    assert told(answer, fields=set(answer) - {"own"}, listed=LISTED) == {"verdict": "PASS", "sure": True}


def test_what_is_chosen_keeps_its_shape():
    assert chosen({"a": [{"b": "x", "c": "FAIL"}], "d": None}, LISTED) == {"a": [{"c": "FAIL"}], "d": None}
