"""`[schedules.NAME]` of wave.toml: what it says, and what is wrong with it."""

from __future__ import annotations

import pytest
from tests.support.small_project import FILES, WAVE_TOML, change, write_project

from wave_runner.core.due import CatchUp
from wave_runner.core.workflow import ScheduleSpec
from wave_runner.errors import ProjectError
from wave_runner.project.load import load_project

NIGHTLY = """
[schedules.nightly]
workflow = "work"
cron = "30 2 * * MON-FRI"
timezone = "Europe/Berlin"
catch_up = "once"
limit = 50
params = { source = "sample", review = true }
"""
SCHEDULED = FILES | {"wave.toml": WAVE_TOML + NIGHTLY}


def test_a_schedule_is_read_whole(tmp_path):
    project = load_project(write_project(tmp_path, SCHEDULED))
    assert project.schedules == {
        "nightly": ScheduleSpec(
            name="nightly",
            workflow="work",
            cron="30 2 * * MON-FRI",
            timezone="Europe/Berlin",
            catch_up=CatchUp.ONCE,
            params={"source": "sample", "review": "true"},
            limit=50,
        )
    }


def test_a_schedule_goes_by_utc_and_skips_what_it_missed_unless_it_says_otherwise(tmp_path):
    short = '\n[schedules.nightly]\nworkflow = "work"\ncron = "0 0 * * *"\nparams = { source = "x" }\n'
    spec = load_project(write_project(tmp_path, FILES | {"wave.toml": WAVE_TOML + short})).schedules["nightly"]
    assert (spec.timezone, spec.catch_up, spec.limit) == ("UTC", CatchUp.SKIP, None)


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ('workflow = "work"', 'workflow = "wrok"', "there is no workflow `wrok`", '"work"'),
        ('workflow = "work"\n', "", "needs `workflow`", ""),
        ("30 2 * * MON-FRI", "30 25 * * *", "Bad hour", "0 6 * * *"),
        ("30 2 * * MON-FRI", "0 0 31 2 *", "Bad day-of-month", ""),
        ("30 2 * * MON-FRI", "* * * * * *", "five fields", ""),
        ("Europe/Berlin", "Europe/Berln", "no time zone 'Europe/Berln'", '"Europe/Berlin"'),
        ("Europe/Berlin", "../../etc/passwd", "no time zone", ""),
        ("Europe/Berlin", "", "no time zone ''", ""),
        ('"once"', '"twice"', "`catch_up` is one of skip, once, all", "all, once, skip"),
        ("limit = 50", "limit = 0", "at least 1, not 0", ""),
        ("limit = 50", "limits = 50", "unknown key `limits`", '"limit"'),
        ("review = true", "reviw = true", "no parameter reviw", '"review"'),
        ("review = true", "review = 7", "of type boolean", ""),
        ("review = true", "review = [true]", "must be a text, a number, true or false", ""),
        ('source = "sample", ', "", "needs the parameter source", ""),
        ("schedules.nightly", "schedules.Nightly", "is no name", ""),
    ],
)
def test_a_mistake_in_a_schedule_is_named_with_its_line(tmp_path, old, new, message, hint):
    folder = write_project(tmp_path, SCHEDULED)
    change(folder, "wave.toml", old, new)
    with pytest.raises(ProjectError) as caught:
        load_project(folder)
    assert message in caught.value.message
    assert hint in caught.value.hint
    first = WAVE_TOML.count("\n") + 2
    assert first <= caught.value.line <= first + 7
