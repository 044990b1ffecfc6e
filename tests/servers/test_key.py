"""A key stands nowhere but where it was put, also where a server repeats it."""

from __future__ import annotations

from wave_runner.core.outcome import ErrorClass, Evidence, Failure
from wave_runner.servers.key import without


def failed(text: str) -> Failure:
    kept = Evidence(role="answer", media_type="text/plain", content=text.encode())
    return Failure(error_class=ErrorClass.PERMANENT, message=text, evidence=(kept,))


def test_a_key_is_taken_out_of_what_is_said_and_of_what_is_kept():
    found = without("sk-0123456789abcdef", failed("the key sk-0123456789abcdef is not known"))
    assert found == failed("the key [key] is not known")


def test_a_word_that_stands_for_no_key_is_left_in_what_was_answered():
    found = without("none", failed("none of it is known"))
    assert found.evidence == failed("none of it is known").evidence
    assert without("", failed("a")) == failed("a")
