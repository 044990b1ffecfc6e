"""A short piece of what `make soak` does for as long as it is told: random kills, and nothing lost or done twice."""

from __future__ import annotations

from tests.crash.soak import soak

SECONDS = 15


def test_a_quarter_of_a_minute_of_random_kills_loses_nothing():
    report = soak(seed=1, minutes=SECONDS / 60, batch=20)
    assert sum(report.kills.values()) > 1
    assert report.runs >= 1
    assert report.holds, report
