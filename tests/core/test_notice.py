"""What is decided about notices: when one is tried again, where none is sent, and how one is signed."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.receiver import SECRET, is_signed

from wave_runner.core.notice import GIVEN_UP_AFTER_S, LONGEST_PAUSE_S, pause_s, read_secret, signed, why_not


def test_pauses_double_up_to_an_hour_and_end_after_a_day():
    assert [pause_s(attempts, age_s=0) for attempts in (1, 2, 3, 10, 11, 1000)] == [5, 10, 20, 2560, 3600, 3600]
    assert pause_s(3, age_s=GIVEN_UP_AFTER_S - 1) == 20
    assert pause_s(1, age_s=GIVEN_UP_AFTER_S) is None


@given(st.integers(1, 10**9), st.floats(0, GIVEN_UP_AFTER_S, exclude_max=True))
def test_a_notice_that_is_younger_than_a_day_is_always_tried_again(attempts: int, age_s: float):
    found = pause_s(attempts, age_s=age_s)
    assert found is not None
    assert 0 < found <= LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("url", "private", "because"),
    [
        ("https://alerts.example.com/wave?of=1", False, ""),
        ("http://alerts.example.com/wave", True, ""),
        ("http://alerts.example.com/wave", False, "can be read on its way"),
        ("ftp://alerts.example.com", True, "no URL"),
        ("alerts.example.com", True, "no URL"),
        ("https://", True, "no URL"),
        ("https://[::1", True, "Invalid IPv6"),
        ("https://x:99999/", True, "Port out of range"),
        ("https://me:word@alerts.example.com/", True, "a user"),
        ("https://alerts.example.com/#part", True, "a fragment"),
        ("https://alerts.example.com/a b", True, "% signs"),
        ("https://alerts.example.com/a\r\nX: y", True, "% signs"),
        ("https://älerts.example.com/", True, "% signs"),
    ],
)
def test_what_no_notice_can_be_sent_to_is_said(url: str, private: bool, because: str):
    found = why_not(url, private=private)
    assert because in found
    assert bool(found) == bool(because)


def test_a_signature_is_that_of_standard_webhooks():
    """The example of the specification's own libraries."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=200).map(lambda raw: raw.hex()), st.integers(0, 2**33))
def test_what_is_signed_is_found_good_and_nothing_else(text: str, at_s: int):
    headers = signed(read_secret(SECRET), "an id", at_s, text.encode())
    assert is_signed(headers, text)
    assert not is_signed(headers, text + "0")
    assert not is_signed({**headers, "webhook-timestamp": str(at_s + 1)}, text)


@pytest.mark.parametrize("text", ["", "no base64!", *(base64.b64encode(bytes(n)).decode() for n in (23, 65))])
def test_a_secret_that_is_none_is_refused(text: str):
    with pytest.raises(ValueError, match="it "):
        read_secret(text)
