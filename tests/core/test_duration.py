"""Times as people write them."""

import pytest

from wave_runner.core import duration


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("2d", 172_800.0)])
def test_a_time_is_a_number_and_its_unit(text, seconds):
    assert duration.read(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "0m", "05m", "-1s", "5 m", "1.5h", "5M", "1h30m", "1234567s", "1٣m"])
def test_anything_else_is_no_time(text):
    assert duration.read(text) is None
