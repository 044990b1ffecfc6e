"""Cron expressions: which are read as others read them, and what a clock change does to them."""

from __future__ import annotations

import itertools
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import cron

BERLIN = ZoneInfo("Europe/Berlin")
LABELLED = Path(os.environ.get("WAVE_TEST_DATA", "")) / "dates-and-cron/croniter_expressions.jsonl"


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    """Return a local time as a moment."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def due(expression: str, after: datetime, n: int, zone: ZoneInfo = BERLIN) -> list[str]:
    found = itertools.islice(cron.occurrences(expression, zone, after), n)
    return [moment.astimezone(zone).strftime("%m-%d %H:%M %Z") for moment in found]


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "a * * * *",
        ),
        *("*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "0 0 30 2 *", "* * */20 * 1L", "@daily", "0 0 * * * *"),
        *("1," * 200 + "1 * * * *", "\0 * * * *", "'; DROP TABLE schedules; --"),
    ],
)
def test_what_is_no_time_is_refused(expression: str):
    with pytest.raises(cron.CronError):
        cron.check(expression)


# What one library takes and another does not: nearest weekdays (W), days from the end, hashes and random numbers, `?`,
# ranges with a count, and a Lx before the day; and what depends on its own arguments.
EXTENSIONS = re.compile(r"(?<![a-zA-Z])[hHrRwW](?![a-zA-Z])|\?|L[\d/]|-[lL]|MON-FRI#")


@pytest.mark.big_data
@pytest.mark.skipif(not LABELLED.is_file(), reason="the labelled expressions are not beside this checkout")
def test_expressions_are_taken_or_refused_as_their_labels_say():
    told = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    same = [
        one
        for one in told
        if len(one["expr"].split()) == 5
        and not EXTENSIONS.search(one["expr"])
        and not one["depends_on_options_or_api"]
        and "strict" not in one["kwargs"]
    ]
    assert len(same) >= 120
    apart = {one["expr"]: one["valid"] for one in same if _is_taken(one["expr"]) is not one["valid"]}
    assert apart == {"* * 31 2 *": True}, "a day that never comes is no schedule"


def _is_taken(expression: str) -> bool:
    try:
        cron.check(expression)
    except cron.CronError:
        return False
    return True


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # 2026-03-29: at 02:00 it is 03:00.
        ("30 2 * * *", ["03-29 03:00 CEST", "03-30 02:30 CEST"]),
        ("0,30 2 * * *", ["03-29 03:00 CEST", "03-30 02:00 CEST"]),
        ("0 3 * * *", ["03-29 03:00 CEST", "03-30 03:00 CEST"]),
        ("0 * * * *", ["03-29 01:00 CET", "03-29 03:00 CEST"]),
        ("*/30 1-3 * * *", ["03-29 01:00 CET", "03-29 01:30 CET", "03-29 03:00 CEST"]),
    ],
)
def test_an_hour_that_is_left_out_costs_no_run(expression: str, expected: list[str]):
    assert due(expression, at("2026-03-29 00:30"), len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # 2026-10-25: at 03:00 it is 02:00 again.
        ("30 2 * * *", ["10-25 02:30 CEST", "10-26 02:30 CET"]),
        ("0 3 * * *", ["10-25 03:00 CET", "10-26 03:00 CET"]),
        ("0 * * * *", ["10-25 02:00 CEST", "10-25 02:00 CET", "10-25 03:00 CET"]),
    ],
)
def test_an_hour_that_comes_twice_brings_no_second_run(expression: str, expected: list[str]):
    assert due(expression, at("2026-10-25 01:30"), len(expected)) == expected


def test_a_time_of_the_first_pass_is_not_due_in_the_second():
    assert due("45 2 * * *", at("2026-10-25 02:30", fold=1), 1) == ["10-26 02:45 CET"]


def test_the_same_expression_is_due_at_other_moments_in_other_zones():
    after = datetime(2026, 6, 1, tzinfo=UTC)
    zones = ["UTC", "Asia/Kathmandu", "America/New_York"]
    found = [cron.next_after("0 6 * * *", ZoneInfo(zone), after) for zone in zones]
    assert [moment.strftime("%H:%M") for moment in found if moment] == ["06:00", "00:15", "10:00"]


def test_a_day_of_the_month_and_of_the_week_are_alternatives_unless_one_is_a_star():
    monday_or_first = due("0 0 1 * MON", at("2026-06-25 00:00"), 3)
    assert monday_or_first == ["06-29 00:00 CEST", "07-01 00:00 CEST", "07-06 00:00 CEST"]
    assert due("0 0 */2 * MON", at("2026-06-25 00:00"), 1) == ["06-29 00:00 CEST"]


def test_the_latest_time_is_found_however_long_ago_the_first_one_was():
    since, until = at("1990-01-01 00:00"), at("2026-01-01 12:00")
    assert cron.latest("* * * * *", BERLIN, since, until) == until
    assert cron.latest("0 0 29 2 *", BERLIN, since, until) == at("2024-02-29 00:00")
    assert cron.latest("0 12 * * *", BERLIN, until, until) == until
    assert cron.latest("0 13 * * *", BERLIN, until, until) is None


MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(
    st.sampled_from(["* * * * *", "30 2 * * *", "0,30 1-3 * * *", "15 */6 * * *", "0 0 * * *", "59 23 L * *"]),
    st.sampled_from(["Europe/Berlin", "Africa/Cairo", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"]),
    MOMENTS,
)
def test_times_only_go_forward_and_each_is_the_next_of_the_one_before(expression: str, name: str, after: datetime):
    zone = ZoneInfo(name)
    found = list(itertools.islice(cron.occurrences(expression, zone, after), 6))
    assert found == sorted(set(found))
    assert found[0] > after
    for one, following in itertools.pairwise(found):
        assert cron.next_after(expression, zone, one) == following
        assert cron.latest(expression, zone, after + timedelta(seconds=1), following - timedelta(seconds=1)) == one
