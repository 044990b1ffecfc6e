"""What the check of a chain notices. Chains of five steps, two events each, one caused by the other."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.chain import Line, Link, check

STEPS = 5


def link(event_id, interaction_id, seq, cause):
    data = f'{{"attempt":{event_id}}}'
    sha256 = hashlib.sha256(data.encode()).digest()
    return Link(event_id=event_id, interaction_id=interaction_id, seq=seq, cause=cause, data=data, sha256=sha256)


def whole_chain():
    links = [
        link(2 * step + seq, step, seq, (step, 1) if seq == 2 else (step - 1, 2) if step > 1 else None)
        for step in range(1, STEPS + 1)
        for seq in (1, 2)
    ]
    lines = [
        Line(interaction_id=step, newest=2, parent=(step - 1, 2) if step > 1 else None) for step in range(1, STEPS + 1)
    ]
    return links, lines


def rules(links, lines):
    return {found.rule for found in check(links, lines)}


def test_five_steps_give_ten_events_and_one_unbroken_chain():
    links, lines = whole_chain()
    assert len(links) == 10
    assert check(links, lines) == []


@given(st.integers(0, 2 * STEPS - 1))
def test_no_event_can_be_taken_away_unnoticed(index):
    links, lines = whole_chain()
    del links[index]
    assert "missing" in rules(links, lines)


@given(st.integers(0, 2 * STEPS - 1), st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_no_text_can_be_added_to_the_data_unnoticed(index, text):
    links, lines = whole_chain()
    links[index] = replace(links[index], data=links[index].data + text)
    assert rules(links, lines) == {"altered"}
    assert check(links, lines)[0].event_id == links[index].event_id


@given(st.integers(0, 2 * STEPS - 1), st.none() | st.tuples(st.integers(1, STEPS), st.integers(1, 2)))
def test_an_event_has_one_cause_and_no_other(index, cause):
    links, lines = whole_chain()
    changed = replace(links[index], cause=cause)
    expected = set() if changed == links[index] else {"wrong_cause"}
    links[index] = changed
    assert rules(links, lines) == expected


def test_a_cause_that_does_not_exist_is_a_break():
    links, lines = whole_chain()
    assert rules(links[2:], lines[1:]) == {"missing_cause"}


def test_a_cause_cannot_be_younger_than_its_effect():
    links, lines = whole_chain()
    links[1] = replace(links[1], event_id=99)
    assert rules(links, lines) == {"before_its_cause"}


def test_an_event_beyond_what_its_interaction_counts_is_a_break():
    links, lines = whole_chain()
    assert rules([*links, link(50, STEPS, 3, (STEPS, 2))], lines) == {"unknown"}


def test_an_event_of_an_interaction_that_is_not_there_is_a_break():
    links, lines = whole_chain()
    assert rules([*links, link(50, 77, 1, None)], lines) == {"unknown"}


@pytest.mark.parametrize("lines", [[], whole_chain()[1]])
def test_no_event_at_all_is_no_chain(lines):
    assert rules([], lines) == {"empty"}
