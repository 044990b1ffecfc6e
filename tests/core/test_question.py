"""Whatever decides a model's answer makes another question; nothing else does."""

import pytest

from wave_runner.core.flow import Place
from wave_runner.core.question import may_be_recorded, question

GIVEN = {
    "weights": "sha256:aa",
    "sent": b"POST / a prompt",
    "schema": {"type": "object", "title": "x"},
    "place": Place(step="ask"),
}


def test_the_same_question_has_the_same_key_in_whatever_order_its_schema_stands():
    assert question(**GIVEN) == question(**{**GIVEN, "schema": {"title": "x", "type": "object"}})
    assert len(question(**GIVEN)) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "sha256:ab"},
        {"sent": b"POST / a prompt."},
        {"schema": {"type": "object", "title": "y"}},
        {"schema": None},
        {"place": Place(step="ask", item=1)},
        {"place": Place(step="ask", iteration=1)},
        {"place": Place(step="ask", item=1, iteration=1)},
        {"place": Place(step="again")},
    ],
    ids=str,
)
def test_each_part_makes_another_question(change):
    assert question(**GIVEN) != question(**{**GIVEN, **change})


@pytest.mark.parametrize(
    ("case", "allowed"),
    [
        ({"attempt": 0, "generation": 0, "asks_anew": False}, True),
        ({"attempt": 1, "generation": 0, "asks_anew": False}, False),
        ({"attempt": 0, "generation": 2, "asks_anew": False}, False),
        ({"attempt": 0, "generation": 0, "asks_anew": True}, False),
    ],
)
def test_whoever_tries_again_wants_another_answer(case, allowed):
    assert may_be_recorded(**case) is allowed
