"""A view leads to a list of ours, narrowed by words that it knows, or there is no such view."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.views import MAX_NAME, MAX_VALUE, NARROWED_BY, ListPage, View, ViewError, read_view, view

ROUTER = Path(__file__).parents[2] / "ui/src/router.tsx"
PLACES = {"before", "after"}  # where a list begins
OF_NO_LIST = {"record": {"key", "run", "value", "at"}, "compare": {"a", "b", "step"}, "waves": {"before"}}

words = st.sampled_from(sorted({word for known in NARROWED_BY.values() for word in known}))
values = st.text() | st.sampled_from(["failed", "mine", "1", "100", "//evil.example", "javascript:alert(1)", "a&b=c"])


def led_to(made: View) -> tuple[str, str, str, str, dict[str, str]]:
    """Return the parts of a view's address, as a browser reads it below where the pages begin."""
    found = urlsplit(f"{made.page}?{made.query}")
    return found.scheme, found.netloc, found.path, found.fragment, dict(parse_qsl(found.query, strict_parsing=True))


@given(page=st.sampled_from(list(ListPage)), name=st.text(max_size=90), filter=st.dictionaries(words, values))
def test_a_view_leads_to_its_own_list_whatever_it_is_made_of(page: ListPage, name: str, filter: dict[str, str]):
    with contextlib.suppress(ViewError):
        made = view(page, name, filter)
        assert led_to(made) == ("", "", page, "", filter)
        assert list(made.filter) == [word for word in NARROWED_BY[page] if word in filter]
        assert read_view(name, f"{made.page}?{made.query}") == made


@pytest.mark.parametrize(
    ("address", "filter"),
    [
        ("runs?state=failed", {"state": "failed"}),
        ("/runs?state=failed&workflow=a+b%26c", {"workflow": "a b&c", "state": "failed"}),
        ("interactions?rule=x&run=7&state=quarantined", {"run": "7", "state": "quarantined", "rule": "x"}),
        ("tasks?queue=https%3A%2F%2Fevil.example&whose=mine", {"queue": "https://evil.example", "whose": "mine"}),
        ("errors?runs=100", {"runs": "100"}),
        (f"reviews?workflow={'ä' * MAX_VALUE}", {"workflow": "ä" * MAX_VALUE}),
    ],
)
def test_the_address_of_a_list_is_read(address: str, filter: dict[str, str]):
    made = read_view("Überfällig: 10 %", address)
    assert (dict(made.filter), read_view(made.name, f"{made.page}?{made.query}")) == (filter, made)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("javascript:alert(1)", "no page"),
        ("javascript:alert(1)//runs?state=failed", "no page"),
        ("data:text/html,x?state=failed", "no page"),
        ("https://evil.example/runs?state=failed", "no page"),
        ("//runs?state=failed", "no page"),
        ("//evil.example/runs?state=failed", "no page"),
        ("/\\evil.example?state=failed", "no page"),
        ("../runs?state=failed", "no page"),
        ("runs/1?state=failed", "no page"),
        ("runs#x?state=failed", "no page"),
        (" runs?state=failed", "no page"),
        ("settings?state=failed", "no page"),
        ("record?key=somebody", "no page"),
        ("", "no page"),
        ("runs", "nothing narrows"),
        ("runs?", "nothing narrows"),
        ("runs?state=", "cannot be ''"),
        ("runs?state=happy", "cannot be 'happy'"),
        ("runs?state=failed#x", "cannot be 'failed#x'"),
        ("runs?state=failed&state=running", "twice"),
        ("runs?state", "does not say"),
        ("runs?workflow=%ff", "does not say"),
        ("runs?before=7", "not narrowed by 'before'"),
        ("runs?next=//evil.example", "not narrowed by 'next'"),
        ("runs?stat=failed", 'did you mean "state"?'),
        ("interactions?record=somebody", "of no one record"),
        ("interactions?run=01", "cannot be '01'"),
        ("interactions?run=9223372036854775808", "cannot be"),
        ("errors?runs=101", "cannot be '101'"),
        ("errors?workflow=a%0d%0aLocation:+x", "cannot be"),
        ("errors?workflow=%00", "cannot be"),
        ("errors?workflow=%E2%80%AEnur", "cannot be"),
        (f"errors?workflow={'x' * (MAX_VALUE + 1)}", "cannot be"),
    ],
)
def test_any_other_address_is_refused_and_the_reason_said(address: str, says: str):
    with pytest.raises(ViewError, match=re.escape(says)):
        read_view("a name", address)


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "a\x1b[31m", "a\u202eb", "\0", "x" * (MAX_NAME + 1)])
def test_a_name_is_one_line_that_is_read_as_it_is_written(name: str):
    with pytest.raises(ViewError, match="can be no name"):
        view("runs", name, {"state": "failed"})


def test_the_words_are_those_by_which_the_pages_narrow_their_lists():
    routes = re.findall(r'path: "/(\w+)",\s+validateSearch: only\(([^)]+)\)', ROUTER.read_text(encoding="utf-8"))
    told = {path: set(re.findall(r'"(\w+)"', names)) for path, names in routes}
    lists = {str(page): set(known) for page, known in NARROWED_BY.items()}
    lists["interactions"].add("record")  # by which no view is
    assert {path: names - PLACES for path, names in told.items() if path not in OF_NO_LIST} == lists
    assert {path: names for path, names in told.items() if path in OF_NO_LIST} == OF_NO_LIST
