"""Which month somebody means, and that what an order names fits into events."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.drop import batches, month_of
from wave_runner.core.event import data_text

LARGEST = 2**53 - 1


@pytest.mark.parametrize("text", ["2026-08", "2026-08-01", "2026-08-31"])
def test_a_day_means_its_month(text: str):
    assert month_of(text) == date(2026, 8, 1)


@pytest.mark.parametrize("text", ["", "soon", "2026", "2026-13", "2026-02-30", "26-08", "August 2026"])
def test_what_names_no_month_is_refused(text: str):
    with pytest.raises(ValueError, match=r"iso|month|day"):
        month_of(text)


@given(st.lists(st.integers(0, LARGEST), unique=True, max_size=4000).map(sorted))
def test_each_stretch_is_named_once_in_its_order_and_fits(indexes: list[int]):
    stretches = list(zip(indexes[::2], indexes[1::2], strict=False))
    found = list(batches(stretches))
    assert [index for gone in found for index in gone] == [index for one in stretches for index in one]
    assert all(a < b for gone in found for a, b in pairwise(gone))
    assert len(found) >= 1, "an order of nothing is an order too"


def test_a_full_event_has_room_for_who_ordered_it():
    most = [(LARGEST - 2 * n - 1, LARGEST - 2 * n) for n in range(401)]
    first, *_ = batches(most)
    who = {"drop": "0" * 36, "requested_by": "x" * 1000, "approved_by": "y" * 1000, "basis": "0" * 64}
    assert len(data_text({**who, "first_run": LARGEST, "last_run": LARGEST, "gone": first}).encode()) <= 16_384
