"""`wave report` on real runs: what it lists is what the tables hold."""

import json
from dataclasses import fields

from wave_runner.cli import main
from wave_runner.reports.stale import StaleInteraction

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def wave(run, *arguments):
    return main.run(["--project", str(run.folder), *arguments])


def document(run, capsys, *arguments):
    assert wave(run, "report", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_what_is_overdue_is_listed_with_its_own_threshold(counted_copy, capsys):
    counted_copy.run_on("5 minutes")
    counted_copy.sql("UPDATE queues SET samples = 20, p99_s = 90")
    found = document(counted_copy, capsys, "stale")
    assert (found["schema"], found["run_id"]) == ("wave.report.stale.v1", "1")
    assert (found["stale"]["older_than_s"], found["stale"]["total"]) == (None, 1)
    [overdue] = found["stale"]["oldest"]
    assert set(overdue) == {one.name for one in fields(StaleInteraction)}
    assert (overdue["key"], overdue["reason"], overdue["threshold_s"]) == ("bomb", "running_long", 90.0)
    assert overdue["running_s"] >= 300
    assert wave(counted_copy, "report", "stale") == 0
    assert "bomb\tcount\tcount_words\trunning\trunning_long\t5 min " in capsys.readouterr().out


def test_how_long_something_may_run_can_be_said(counted_copy, capsys):
    counted_copy.run_on("5 minutes")
    found = [document(counted_copy, capsys, "stale", "1", "--older-than", time)["stale"] for time in ("4m", "1h")]
    assert [(one["older_than_s"], one["total"]) for one in found] == [(240.0, 1), (3600.0, 0)]
    assert wave(counted_copy, "report", "stale", "--older-than", "1h") == 0
    assert capsys.readouterr().out == "stale: none\n"


def test_a_time_that_is_none_is_refused_with_an_example(counted, capsys):
    for text in ("5", "0m", "5 m", "-1s"):
        assert wave(counted, "report", "stale", f"--older-than={text}") == 2
        assert "is not a time such as 90s, 30m or 2h" in capsys.readouterr().err
