"""Lists as array literals: PostgreSQL reads back what was written, whatever characters and gaps there are."""

from __future__ import annotations

import enum
import math
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wave_runner.store.arrays import literal

GAPS = st.none()
LONG = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KINDS = {
    "bigint": LONG,
    "float8": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "text": TEXTS | st.sampled_from(["", "NULL", "null", '"', "\\", "{}", ",", " ", "é", "\n"]),
    "bytea": st.binary(max_size=40),
    "uuid": st.uuids(),
}


class State(enum.StrEnum):
    PENDING = "pending"


@pytest.fixture(scope="module")
def connection(session_database):
    with psycopg.connect(session_database) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_back(kind, connection):
    @settings(deadline=None, max_examples=60)
    @given(values=st.lists(KINDS[kind] | GAPS, max_size=8) | st.lists(KINDS[kind], max_size=8))
    def check(values):
        text = literal(values)
        assert isinstance(text, str)
        assert connection.execute(f"SELECT %s::{kind}[]", [text]).fetchone() == (values,)

    check()


def test_what_is_no_number_is_written_too(connection):
    [found] = connection.execute("SELECT %s::float8[]", [literal([math.nan, math.inf, -math.inf])]).fetchone()
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf]


def test_the_values_of_an_enum_are_texts(connection):
    assert literal([State.PENDING, State.PENDING]) == '{"pending","pending"}'


@pytest.mark.parametrize(
    "values",
    [
        ["a\0b"],
        ["a\0b", None],
        [1, "a"],
        [[1], [2]],
        [datetime(2026, 1, 1, tzinfo=UTC)],
        [{"a": 1}],
        [UUID(int=0), "a"],
    ],
)
def test_what_has_no_plain_form_is_left_to_the_driver(values):
    assert literal(values) is values
