"""How large a raw row is, what is kept of one that is too large, and what is said of it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.raw import KEPT_CHARS, beginning, size_of, too_large


@given(st.text())
def test_a_size_is_that_of_the_bytes_and_not_of_the_characters(text):
    assert size_of(text) == len(text.encode("utf-8", "surrogatepass"))


@given(st.text(max_size=KEPT_CHARS).map(lambda text: text * 40))
def test_what_is_kept_is_the_beginning_as_a_json_text(text):
    assert json.loads(beginning(text)) == text[:KEPT_CHARS]


def test_what_is_said_names_the_row_its_size_and_the_setting():
    found = too_large(size=10_000_012, allowed=1_048_576, collection="postings", source="a.jsonl", position={"line": 7})
    assert (found["rule"], found["field"]) == ("too_large", "")
    assert found["message"] == (
        'the row at {"line": 7} of a.jsonl has 10,000,012 bytes, 1,048,576 are allowed; '
        "max_raw_bytes of [collections.postings] in wave.toml lets larger ones in"
    )


def test_a_place_that_is_itself_too_large_is_not_repeated():
    found = too_large(size=2, allowed=1, collection="c", source="s" * 10_000, position="p" * 10_000)
    assert len(found["message"]) < 1000
