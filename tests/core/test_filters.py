from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.filters import FilterError, Term, from_plain, plain, read_filter


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("city:Berlin", [("city", "=", "Berlin")]),
        ("  a:1   b:2\t", [("a", "=", "1"), ("b", "=", "2")]),
        ("words:>2 words:<=9", [("words", ">", "2"), ("words", "<=", "9")]),
        ("posted:<2026-01-01 id:>=7", [("posted", "<", "2026-01-01"), ("id", ">=", "7")]),
        ("url:https://x.org/a:b", [("url", "=", "https://x.org/a:b")]),
        ('title:"New York: a \\"test\\" \\\\"', [("title", "=", 'New York: a "test" \\')]),
        ('note:"" note:""', [("note", "=", ""), ("note", "=", "")]),
        ('when:>"2026-01-01 10:00"', [("when", ">", "2026-01-01 10:00")]),
        ("note:null", [("note", "=", None)]),
        ('note:"null"', [("note", "=", "null")]),
        ("a:'; DROP TABLE items; --", None),
        ("a:';DROP b:%s", [("a", "=", "';DROP"), ("b", "=", "%s")]),
    ],
)
def test_a_filter_is_a_list_of_conditions(text, terms):
    if terms is None:
        with pytest.raises(FilterError, match="is not column:value"):
            read_filter(text)
    else:
        assert read_filter(text) == tuple(Term(*term) for term in terms)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "without a condition"),
        ("  ", "without a condition"),
        ("word", "'word' is not column:value"),
        ("a:1 word", "'word' is not column:value"),
        ("a:", "'a:' is not column:value"),
        ("a:>", "is not column:value"),
        ('a:"open', "is not column:value"),
        ('a:"x"y', "is not column:value"),
        ("1a:x", "is not column:value"),
        ('"a":x', "is not column:value"),
        ("a b:x", "is not column:value"),
        (".b:x", "is not column:value"),
        ("a:>null", "nothing is less or more than null"),
        ("a:x\0", "NUL"),
        ("a:" + "x" * 2000, "too long"),
    ],
)
def test_what_is_no_condition_is_named(text, message):
    with pytest.raises(FilterError, match=message):
        read_filter(text)


@given(st.text(max_size=60))
def test_a_text_is_read_or_refused_and_what_is_read_comes_back_from_json(text):
    try:
        terms = read_filter(text)
    except FilterError:
        return
    assert from_plain(plain(terms)) == terms
    assert all(term.column.isidentifier() and term.operator in {"=", "<", ">", "<=", ">="} for term in terms)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
def test_every_value_can_be_said_in_quotes(value):
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert read_filter(f'a:"{quoted}"') == (Term("a", "=", value),)
