"""`wave report` on real runs: what it lists is what the tables hold."""

import csv
import io
import json
from dataclasses import fields

import pytest
from tests.reports.test_three_ways import commands

from wave_runner.cli import main
from wave_runner.cli.report import report
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


# Where the list of a document stands; most have `rows`.
LISTS = {
    **{name: (name,) for name in ("steps", "actors", "servers")},
    "cost": ("lines",),
    "delta": ("targets",),
    "errors": ("errors", "patterns"),
    "reviews": ("fields",),
    "stale": ("stale", "oldest"),
    "throughput": ("throughput", "buckets"),
}
NO_LIST = {"interaction", "compliance dossier", "compliance integrity"}


def test_whatever_lists_anything_can_do_it_as_csv():
    able = {name for name, command in commands(report) if any("--csv" in one.opts for one in command.params)}
    assert able == {name for name, _ in commands(report)} - NO_LIST
    assert able > LISTS.keys()


@pytest.mark.parametrize("name", sorted({name for name, _ in commands(report)} - NO_LIST - {"records"}))
def test_a_list_as_csv_says_what_its_document_says(counted, capsys, name):
    rows = document(counted, capsys, name)
    for part in LISTS.get(name, ("rows",)):
        rows = rows[part]
    assert wave(counted, "report", name, "--csv") == 0
    said = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))
    assert [{field: text(row[field]) for field in said.fieldnames} for row in rows] == list(said)
    assert said.fieldnames == list(rows[0]) if rows else said.fieldnames


def test_the_counts_of_records_are_a_list_too(counted, capsys):
    [(name, by_state)] = document(counted, capsys, "records")["workflows"].items()
    assert wave(counted, "report", "records", "--csv") == 0
    [said] = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))
    assert said == {"workflow": name} | {
        state: str(by_state.get(state, "")) for state in ("live", "completed", "incomplete")
    }


def text(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
