"""How long an attempt may take, and how long a record may wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.patience import (
    FEW,
    UNMEASURED_S,
    Measured,
    Patience,
    attempt_limit_s,
    bucket_of,
    seconds_of,
    waited_too_long,
)


@given(st.floats(1e-6, 1e6))
def test_a_bucket_is_at_most_nine_percent_wide(seconds: float):
    upper = seconds_of(bucket_of(seconds))
    assert seconds <= upper * (1 + 1e-9)
    assert upper <= seconds * 1.0906


@pytest.mark.parametrize(
    ("patience", "measured", "errors", "limit_s"),
    [
        (Patience(attempt_s=5), Measured(samples=100, p99_s=50), 3, 5),
        (Patience(), Measured(samples=FEW - 1, p99_s=50), 0, UNMEASURED_S),
        (Patience(), Measured(samples=FEW, p99_s=50), 0, 200),
        (Patience(), Measured(samples=FEW, p99_s=50), 1, 400),
        (Patience(), Measured(samples=FEW, p99_s=0.001), 0, 30),
        (Patience(), Measured(samples=FEW, p99_s=2000), 0, 3600),
        (Patience(floor_s=1, ceiling_s=8), Measured(samples=FEW, p99_s=0.5), 10, 8),
    ],
)
def test_the_limit_of_an_attempt(patience: Patience, measured: Measured, errors: int, limit_s: float):
    assert attempt_limit_s(patience, measured, errors=errors) == limit_s


def test_what_has_been_tried_waits_for_no_first_attempt():
    patience = Patience(queue_s=10, step_s=100)
    assert waited_too_long(patience, age_s=9, attempt=0) == ""
    assert "10 s at most for its first attempt" in waited_too_long(patience, age_s=11, attempt=0)
    assert waited_too_long(patience, age_s=11, attempt=1) == ""
    assert "100 s at most" in waited_too_long(patience, age_s=101, attempt=1)
    assert waited_too_long(Patience(), age_s=1e9, attempt=0) == ""
