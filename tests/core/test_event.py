"""Events: what their data may hold, and commitments that say nothing without their nonce."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.canonical import JsonError
from wave_runner.core.event import EventType, commitment, data_text
from wave_runner.core.interaction import State

NONCES = st.binary(min_size=32, max_size=32)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
)
DATA = st.dictionaries(st.sampled_from("abcdef"), st.recursive(LEAVES, st.lists, max_leaves=5), max_size=5)


@given(DATA)
def test_data_has_one_text_whatever_the_order_of_its_keys(data):
    assert data_text(data) == data_text(dict(reversed(data.items())))
    assert json.loads(data_text(data)) == data


@pytest.mark.parametrize("value", [0.5, float("nan"), b"bytes", object(), "half \ud800", "nul \0"])
def test_what_an_event_must_not_hold_is_refused(value):
    with pytest.raises(JsonError):
        data_text({"value": value})


@given(NONCES, st.binary(max_size=100))
def test_a_commitment_is_the_hash_of_nonce_and_content(nonce, content):
    assert commitment(nonce, content) == hashlib.sha256(nonce + content).hexdigest()
    assert commitment(bytes([nonce[0] ^ 1]) + nonce[1:], content) != commitment(nonce, content)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_nonce_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=f"32 bytes, not {length}"):
        commitment(b"x" * length, b"content")


def test_every_event_of_an_interaction_names_one():
    ended = {State.COMPLETED, State.FAILED, State.QUARANTINED}
    assert {f"interaction_{state}" for state in ended} < {str(one) for one in EventType}
