"""What `wave rerun` prints and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.runner.test_repair import LABEL, STEPS, work
from tests.support.projects import Ground, Make, rows

from wave_runner.cli import main


def three_records(ground: Ground) -> None:
    ground.project(rows=rows(3), steps=STEPS, actors={"label": LABEL})
    assert ground.run() == "completed"


@pytest.fixture
def done(copy_of: Callable[[Make], Ground]) -> Ground:
    return copy_of(three_records)


def wave(ground: Ground, *words: str) -> int:
    return main.run([*words, "--project", str(ground.folder)])


def test_without_yes_it_says_what_it_would_do_and_how_to_do_it(done: Ground, capsys):
    assert wave(done, "rerun", "-w", "work", "--from", "count") == 0
    said = capsys.readouterr().out
    assert "3 records: 3 results of count, and with what they have led to 6 interactions" in said
    assert "would change: items.words, tags.*" in said
    assert "records: item 0000, item 0001, item 0002" in said
    assert "nothing is done yet: the same command with --reason TEXT --yes --expect 3" in said


def test_what_is_done_is_listed_and_can_be_taken_back(done: Ground, capsys):
    assert wave(done, "rerun", "-w", "work", "--from", "label", "--reason", "a typo", "--yes", "--expect", "3") == 0
    assert "rerun 1: 3 records, 3 results of label are redone, 3 interactions superseded" in capsys.readouterr().out
    assert wave(done, "rerun", "list") == 0
    assert "a typo" in capsys.readouterr().out
    assert wave(done, "rerun", "undo", "1") == 0
    assert "nothing is done yet: wave rerun undo 1 --yes" in capsys.readouterr().out
    assert wave(done, "rerun", "undo", "1", "--yes", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["undone"] is True
    assert found["runs"] == [{"run_id": "1", "records": 3, "values": 0, "left": []}]
    assert work(done) == "completed"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name what is to be redone: --workflow WORKFLOW, and --from STEP, --only STEP or --stale"),
        (("-w", "work", "--from", "count", "--yes"), 2, "say why, with --reason TEXT"),
        (("-w", "wrok", "--from", "count"), 4, "no workflow wrok"),
        (("-w", "work", "--from", "cuont"), 4, "has no step cuont"),
        (("-w", "work", "--from", "fetch"), 2, "fetch is done once for a whole run"),
        (("-w", "work", "--from", "count", "--where", "words"), 2, "is not column:value"),
        (("-w", "work", "--from", "count", "--records", "nothing.txt"), 2, "nothing.txt cannot be read"),
        (("-w", "work", "--from", "count", "--reason", "x", "--yes", "--expect", "2"), 5, "and 2 were expected"),
        (("undo", "9"), 4, "there is no rerun 9"),
    ],
)
def test_a_mistake_is_said_in_one_line(done: Ground, capsys, words: tuple[str, ...], code: int, said: str):
    assert wave(done, "rerun", *words) == code
    assert said in capsys.readouterr().err


def test_keys_may_come_from_a_file(done: Ground, tmp_path, capsys):
    file = tmp_path / "bad.txt"
    file.write_text("item 0001\n\nitem 0002\nnobody\n")
    assert wave(done, "rerun", "-w", "work", "--from", "count", "--records", str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["preview"]["keys"] == ["item 0001", "item 0002"]


def test_nothing_chosen_is_said(done: Ground, capsys):
    assert wave(done, "rerun", "-w", "work", "--from", "count", "--where", "state:failed") == 0
    assert "no result of count is chosen" in capsys.readouterr().out


def test_what_is_invalidated_is_previewed_and_needs_a_reason(done: Ground, capsys):
    chosen = ("invalidate", "-w", "work", "--from", "count", "--where", 'name:"item 0001"')
    assert wave(done, *chosen) == 0
    assert "1 records: 1 results of count, and with what they have led to 2 interactions" in capsys.readouterr().out
    assert wave(done, *chosen, "--yes") == 2
    assert "say what is wrong" in capsys.readouterr().err
    assert wave(done, *chosen, "--yes", "--expect", "1", "--reason", "miscounted") == 0
    assert "2 results of 1 records count for nothing any more" in capsys.readouterr().out
    assert work(done) == "failed"
