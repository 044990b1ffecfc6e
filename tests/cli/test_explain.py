"""`wave explain` on a real run: the page, the document, and how it ends."""

import json

from wave_runner.cli import main

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def wave(run, *arguments):
    return main.run(["--project", str(run.folder), *arguments])


def test_a_value_that_is_as_it_was_written_is_explained_on_one_page_and_exits_with_0(counted, capsys):
    assert wave(counted, "explain", "items.words", "--record", "proverb") == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "items.words of proverb: as written"
    for said in (
        "│ 5",
        "by count (count_words), interaction ",
        "of count, started ",
        "count (script count_words): interaction ",
        "actors/count_words.py ",
        "text ← record.text, ",
        ", as it still stands there",
        "fetch (script fetch_items): interaction 1, attempt 1",
        "staged row 2 of run 1",
        "1.1 to 1.3",
    ):
        assert said in printed
    assert lines[-1].startswith("complete: ")
    assert len(lines) < 60
    assert all(len(line) <= 120 for line in lines)


def test_the_document_has_everything_whole(counted, capsys):
    assert wave(counted, "explain", "items.words", "--record", "proverb", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["complete"]) == ("wave.explain.v1", True)
    value = document["value"]
    assert (value["standing"], value["now"], value["missing"]) == ("as written", 5, [])
    assert value["sha256"] == value["now_sha256"]
    work = value["works"][0]
    assert (work["step"], work["input"], work["output"]) == (
        "count",
        {"text": "Many hands make light work."},
        {"words": 5},
    )
    assert next(iter(work["script"]["files"])).startswith("actors/")
    assert work["approved"]["approved_by"]
    assert value["promotion"]["source"]


def test_a_value_that_was_changed_outside_is_said_and_exits_with_1(counted_copy, capsys):
    counted_copy.sql("UPDATE items SET words = 77 WHERE name = 'haiku'")
    assert wave(counted_copy, "explain", "items.words", "--record", "haiku") == 1
    printed = capsys.readouterr().out
    assert printed.startswith("items.words of haiku: changed outside\n")
    assert "what was written has " in printed


def test_a_link_that_is_missing_is_named_and_exits_with_1(counted_copy, capsys):
    counted_copy.as_superuser("UPDATE interactions SET input = '{}' WHERE input IS NOT NULL AND record_id IS NOT NULL")
    assert wave(counted_copy, "explain", "items.words", "--record", "haiku") == 1
    printed = capsys.readouterr().out
    assert "MISSING: the input of count (interaction 3) is not what its event has committed to" in printed
    assert "complete: " not in printed


def test_what_nobody_has_written_exits_with_4(counted, capsys):
    assert wave(counted, "explain", "items.words", "--record", "nobody") == 4
    assert "there is no record 'nobody' of items" in capsys.readouterr().err
    assert wave(counted, "explain", "item.words", "--record", "haiku") == 4
    assert 'did you mean "items"?' in capsys.readouterr().err
