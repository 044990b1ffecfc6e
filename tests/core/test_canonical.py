"""JSON at our borders: read strictly, written storably, and one form to hash."""

import datetime
import json
import math
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.canonical import MAX_DEPTH, JsonError, canonical, dumps, parse_json


@dataclass
class Point:
    x: float


storable_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
exact = 2**53 - 1
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-exact, exact) | storable_texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcXYZ_ 019\n", max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "line 1 column 1"),
        (b"{'a': 1}", "line 1 column 2"),
        (b'{"a": 1,}', r"line 1 column [89]"),  # Python 3.13 points at the comma, those before behind it
        (b'{"a": 1} x', "Extra data"),
        (b"[1]\n[2]", "line 2 column 1"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "out of range"),
        (b"[18446744073709551616]", "64 bits"),
        (b"1" * 10_000, "64 bits"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'["\xff"]', "byte 2"),
        (b'["a\x00b"]', "control character"),
        (b"[\x0c]", "line 1 column 2"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"":' * 100_000, "nested deeper"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
    ],
)
def test_text_that_is_not_one_json_document_is_refused_with_its_place(text, says):
    with pytest.raises(JsonError, match=says) as caught:
        parse_json(text)
    assert caught.value.rule == "invalid_json"


@pytest.mark.parametrize(
    "text", [b"null", b" [1.5e3] \n", b'"\\u0000"', b'{"a":{"a":1}}', b"[-0]", b'"\xf0\x9f\x8c\x8a"']
)
def test_json_is_read_as_the_standard_library_reads_it(text):
    assert parse_json(text) == json.loads(text)


def test_the_deepest_value_that_is_read_can_be_written_again():
    assert dumps({"output": parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)}).count(b"[") == MAX_DEPTH


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 2}', b'[{"b": {"a": 1, "a": 1}}]'])
def test_a_document_with_a_key_twice_is_json_and_refused_by_a_rule_of_its_own(text):
    with pytest.raises(JsonError, match="'a' twice") as caught:
        parse_json(text)
    assert caught.value.rule == "duplicate_key"


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 2', b'{"a": 1, "a": 2} x', b'{"a": {"b": 1, "b": 2}, "c": NaN}'])
def test_what_is_no_json_is_called_that_even_with_a_key_twice(text):
    with pytest.raises(JsonError) as caught:
        parse_json(text)
    assert caught.value.rule == "invalid_json"


@pytest.mark.parametrize(
    ("value", "rule", "says"),
    [
        ({"a": [1, math.nan]}, "unserialisable", r"a\[1\] is NaN"),
        ({"a": Point(math.nan)}, "unserialisable", r"a\.x is NaN"),
        ({"a": -math.inf}, "unserialisable", "a is NaN or infinite"),
        ({"a": {"b": "x\x00y"}}, "unstorable_text", r"a\.b holds a NUL"),
        ({"a\x00": 1}, "unstorable_text", "a key of the value holds a NUL"),
        ({"a": ["\ud800"]}, "unstorable_text", r"a\[0\] holds half a surrogate"),
        ({"\udfff": 1}, "unstorable_text", "a key of the value holds half"),
        ({1: 2}, "unserialisable", "key must be str"),
        ({"a": b"bytes"}, "unserialisable", "bytes"),
        ({"a": 2**64}, "unserialisable", "64-bit"),
        ({"a": Decimal("1.5")}, "unserialisable", "Decimal"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_with_its_place(value, rule, says):
    with pytest.raises(JsonError, match=says) as caught:
        dumps(value)
    assert caught.value.rule == rule
    assert str(caught.value).isascii()


def test_a_value_that_contains_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(JsonError, match="Recursion"):
        dumps(value)


def test_text_that_only_looks_like_a_nul_escape_is_stored():
    assert dumps({"a": "\\u0000", "b": None}) == rb'{"a":"\\u0000","b":null}'


def test_dates_become_iso_text_and_other_types_go_through_default():
    value = {"day": datetime.date(2016, 1, 2), "price": Decimal("1.10")}
    assert dumps(value, default=str) == b'{"day":"2016-01-02","price":"1.10"}'


@given(plain)
def test_canonical_bytes_read_back_as_the_same_value_and_do_not_depend_on_the_order_of_keys(value):
    data = canonical(value)
    assert parse_json(data) == value
    assert canonical(_backwards(value)) == data


def _backwards(value):
    if isinstance(value, dict):
        return {key: _backwards(value[key]) for key in reversed(value)}
    return [_backwards(item) for item in value] if isinstance(value, list) else value


def test_canonical_bytes_are_these():
    assert canonical({"b": [True, None, -1], "a": "ü\n"}) == '{"a":"ü\\n","b":[true,null,-1]}'.encode()


@pytest.mark.parametrize(
    "value", [1.0, {"a": [0.5]}, {"a": datetime.date(2016, 1, 2)}, "\x00", "\ud800", 2**53, {"ü": 1}]
)
def test_a_value_without_one_form_has_no_canonical_bytes(value):
    with pytest.raises(JsonError):
        canonical(value)
