"""Real requests to a city: repeats are found, urgent ones wait for a person, each thing to do becomes a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.openai_stub import Rule
from tests.support.projects import Ground
from tests.support.templates import project_of, wave

from wave_runner.cli import main
from wave_runner.project.init import init_project

END = r"\nJSON:\s*$"  # of a prompt
URGENT, OLDER, NEWER = "64349550", "64347834", "64341181"
WAITING = 19  # of the 24 requests; four of five that are closed are of dogs in parks
RULES: list[Rule] = [
    {"match": r"must go now[\s\S]*Request: [^\n]*Tortured[^\n]*" + END, "json": {"team": "POLICE", "urgency": "NOW"}},
    {"match": r"must go now[\s\S]*Request: Dead[^\n]*" + END, "json": {"team": "SANITATION", "urgency": "LATER"}},
    {"match": "must go now", "json": {"team": "HEALTH", "urgency": "SOON"}},
    {"match": r"few things[\s\S]*Request: Dead[^\n]*\nTeam: \w+" + END, "json": {"actions": ["take it away"]}},
    {"match": "few things", "json": {"actions": ["send somebody", "write a report"]}},
    {
        "match": rf"To do: (send|write|take) [^\n]*\nPlace: [^,\n]*, ([A-Z0-9 ]+)[^\n]*{END}",
        "text": '{"sentence": "We \\1 at \\2."}',
    },
]


def rows(ground: Ground) -> dict[str, dict[str, Any]]:
    return {row["request_no"]: row for row in ground.sql("SELECT * FROM requests")}


def street(row: dict[str, Any]) -> str:
    return row["place"].split(", ")[1]


def test_each_request_is_answered_for_its_own_place_a_repeat_once_and_an_urgent_one_by_a_person(ground: Ground):
    with project_of(ground, "service_requests", RULES, ["clerk"]) as stub:
        code, report = wave(ground, "run", "service_requests")
        assert (code, report["run"]["state"]) == (6, "waiting")
        assert report["records"]["completed"] == WAITING - 1

        ground.sql("UPDATE requests SET status = 'In Progress' WHERE request_no IN (%s, %s) RETURNING 1", OLDER, NEWER)
        code, report = wave(ground, "run", "service_requests")
        assert (code, report["records"]["completed"]) == (0, 2)  # and nobody else again

        _, listed = wave(ground, "tasks", "list", "--queue", "dispatchers")
        [task] = listed["rows"]
        assert task["title"] == "Urgent? Animal-Abuse: Tortured, Residential Building/House, LIBERTY AVENUE, QUEENS"
        number = str(task["task"])
        wave(ground, "tasks", "claim", number)
        wave(ground, "tasks", "decide", number, "--set", "team=HEALTH", "--set", "urgency=SOON")
        code, report = wave(ground, "run", "service_requests", "--resume")
        assert (code, report["run"]["state"]) == (0, "completed")

        found = rows(ground)
        assert {number for number, row in found.items() if row["repeats"]} == {NEWER}
        assert found[NEWER]["repeats"] == OLDER
        assert found[NEWER]["answer"] is None
        assert (found[URGENT]["team"], found[URGENT]["urgency"]) == ("HEALTH", "SOON")
        answered = {number: row for number, row in found.items() if row["answer"]}
        assert len(answered) == WAITING + 1
        for row in answered.values():
            does = ["take"] if row["complaint"] == "Dead Animal" else ["send", "write"]
            assert row["answer"] == " ".join(f"We {verb} at {street(row)}." for verb in does)
        asked = len(stub.requests())
        code, report = wave(ground, "run", "service_requests")
        assert (code, report["records"]["total"], len(stub.requests())) == (0, 0, asked)


def test_the_schedule_stands_in_the_folder_and_is_listed(ground: Ground):
    with project_of(ground, "service_requests", RULES, ["clerk"]):
        wave(ground, "run", "service_requests", "--limit", "1")
        _, listed = wave(ground, "schedules")
    assert [(row["schedule"], row["timezone"]) for row in listed["rows"]] == [("every_morning", "America/New_York")]


def test_nothing_is_wrong_with_it(tmp_path, capsys: pytest.CaptureFixture[str]):
    init_project(tmp_path / "new", "service_requests")
    assert main.run(["--project", str(tmp_path / "new"), "check"]) == 0
    assert "no mistake found" in capsys.readouterr().out
