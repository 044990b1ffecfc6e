"""What a run says of itself at its end: its own conditions, what it changed in the tables, and what is odd about it."""

from __future__ import annotations

import json

import pytest
from tests.support.projects import Ground, rows, script
from tests.support.selecting import fill, run, selecting

from wave_runner.cli import main


def told(capsys: pytest.CaptureFixture[str], ground: Ground, *arguments: str) -> dict:
    main.run([*arguments, "--project", str(ground.folder), "--json"])
    return json.loads(capsys.readouterr().out)


def test_a_run_is_completed_only_if_its_own_conditions_hold(ground: Ground, capsys: pytest.CaptureFixture[str]):
    ground.project(rows=rows(3))
    file = ground.folder / "workflows/work.yaml"
    file.write_text(file.read_text("utf-8") + "ensures_run: [fetch.staged == 4, run.completed == 3]\n", "utf-8")
    assert ground.run() == "failed"
    assert ground.one("SELECT reason FROM workflow_runs") == "postcondition_failed"
    assert told(capsys, ground, "status")["run"]["broken"] == ["fetch.staged == 4: does not hold"]
    event = json.loads(ground.one("SELECT data FROM interaction_events WHERE type = 'run_failed'"))
    assert (event["reason"], event["postconditions"]) == ("postcondition_failed", 1)
    assert ground.one("SELECT count(*) FROM run_records WHERE state = 'completed'") == 3


def test_the_delta_tells_what_a_run_wrote_from_what_somebody_else_did(
    ground: Ground, capsys: pytest.CaptureFixture[str]
):
    selecting(ground)
    fill(ground, 5)
    assert run(ground) == "completed"
    ground.sql("INSERT INTO items (name, text, words) VALUES ('late', 'too late for it', 4)")
    ground.sql("UPDATE items SET text = 'other' WHERE name = 'item 1'")
    assert run(ground) == "completed"
    first = told(capsys, ground, "report", "delta", "1")
    assert (first["executed"], first["saved"]) == (5, 5)
    assert first["targets"] == [
        {"table": "items", "column": "*", "before": 5, "after": 5, "change": 0, "written": 5},
        {"table": "items", "column": "words", "before": 0, "after": 5, "change": 5, "written": 5},
    ]
    assert first["savers"] == [{"step": "count", "executed": 5, "saved": 5}]
    second = told(capsys, ground, "report", "delta")
    assert (second["run_id"], second["executed"], second["saved"]) == ("2", 2, 2)
    assert [target["change"] for target in second["targets"]] == [0, 0]


def test_nothing_that_is_written_where_nothing_was_saves_nothing(ground: Ground, capsys: pytest.CaptureFixture[str]):
    saver = script("ctx.write('items', {'note': item['text'][:20] or None})\nreturn {}")
    steps = "save: {actor: save, input: {text: record.text}, writes: [items.note], next: end}\n"
    ground.project(rows=rows(3, text=""), steps=steps, actors={"save": saver})
    assert ground.run() == "completed"
    assert told(capsys, ground, "report", "delta")["savers"] == [{"step": "save", "executed": 3, "saved": 0}]
    [alert] = told(capsys, ground, "report", "alerts")["rows"]
    assert (alert["kind"], alert["message"]) == (
        "nothing_saved",
        "executed 3, saved 0: nothing was written for any record",
    )


def test_a_value_that_was_the_same_before_is_saved_all_the_same(ground: Ground, capsys: pytest.CaptureFixture[str]):
    selecting(ground)
    fill(ground, 2)
    ground.sql("UPDATE items SET words = 3")
    assert run(ground) == "completed"
    found = told(capsys, ground, "report", "delta")
    assert (found["executed"], found["saved"]) == (2, 2)
    assert told(capsys, ground, "report", "alerts")["rows"] == []


def test_a_run_without_a_runner_and_a_source_without_rows_are_told(ground: Ground, capsys: pytest.CaptureFixture[str]):
    ground.project(rows=rows(0))
    assert ground.run() == "completed"
    ground.start()
    main.run(["report", "alerts", "--project", str(ground.folder)])
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[1]) for line in lines[1:]] == [
        ("no_runner", "run 2 of work"),
        ("nothing_found", "run 1 of work"),
    ]
