"""The states and the legal moves between them, as the design names them."""

from itertools import product

import pytest

from wave_runner.core.interaction import LEGAL_MOVES, TERMINAL, State, is_legal

DESIGN = """
blocked → pending, skipped, cancelled
pending → running, quarantined, skipped, cancelled
running → completed, failed, quarantined, pending, waiting, cancelled
waiting → completed, pending, failed, cancelled
failed → pending
quarantined → pending
completed → invalidated
skipped → pending, blocked
"""


def test_the_legal_moves_are_those_of_the_design():
    named = {
        (State(before), State(after))
        for line in DESIGN.strip().splitlines()
        for before, afters in [line.split(" → ")]
        for after in afters.split(", ")
    }
    assert {(before, after) for before, after in product(State, State) if is_legal(before, after)} == named


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_moves_and_none_leads_to_itself(state):
    assert state not in LEGAL_MOVES[state]


def test_what_has_ended_goes_on_only_by_retry_or_is_invalidated():
    assert {after for state in TERMINAL for after in LEGAL_MOVES[state]} == {
        State.PENDING,
        State.BLOCKED,
        State.INVALIDATED,
    }
    assert LEGAL_MOVES[State.CANCELLED] == LEGAL_MOVES[State.INVALIDATED] == frozenset()
