"""`wave actors`: drift is seen, shown as a diff, and ended by an approval that the log keeps."""

import json

from wave_runner.cli import main

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def wave(run, *arguments):
    return main.run(["--project", str(run.folder), *arguments])


def rows(run, capsys, *arguments):
    assert wave(run, "actors", "list", "--json", *arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "wave.actors.v1"
    return {row["actor"]: row for row in document["rows"]}


def drift(run):
    script = run.folder / "actors/count_words.py"
    script.write_text(script.read_text(encoding="utf-8") + "\n\nLIMIT = 3\n", encoding="utf-8")


def test_actors_are_active_while_the_folder_holds_what_is_approved(counted, capsys):
    found = rows(counted, capsys)
    assert {name: row["state"] for name, row in found.items()} == {
        "check_items": "active",
        "count": "active",
        "count_words": "active",
        "fetch_items": "active",
    }
    assert found["count_words"]["approved"] == found["count_words"]["found"]


def test_a_changed_script_is_drifted_and_the_diff_says_how(counted_copy, capsys):
    drift(counted_copy)
    assert rows(counted_copy, capsys)["count_words"]["state"] == "drifted"
    assert wave(counted_copy, "actors", "list", "--diff") == 0
    printed = capsys.readouterr().out
    assert "--- approved/actors/count_words.py\n+++ now/actors/count_words.py\n" in printed
    assert "\n+LIMIT = 3\n" in printed


def test_a_changed_setting_is_part_of_the_diff(counted_copy, capsys):
    toml = counted_copy.folder / "wave.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("max_attempts = 2", "max_attempts = 4"), encoding="utf-8")
    diff = rows(counted_copy, capsys, "--diff")["count_words"]["diff"]
    assert '-  "max_attempts": 2' in diff
    assert '+  "max_attempts": 4' in diff


def test_listing_changes_nothing(counted_copy, capsys):
    drift(counted_copy)
    asked = "SELECT count(*) FROM interaction_events UNION ALL SELECT count(*) FROM actors WHERE state = 'drifted'"
    before = counted_copy.sql(asked)
    rows(counted_copy, capsys, "--diff")
    assert counted_copy.sql(asked) == before


def test_an_approval_makes_the_change_the_approved_one_and_stands_in_the_log(counted_copy, capsys):
    drift(counted_copy)
    assert wave(counted_copy, "actors", "approve", "count_words") == 0
    assert capsys.readouterr().out.startswith("count_words: approved (")
    assert rows(counted_copy, capsys)["count_words"]["state"] == "active"
    assert counted_copy.sql("SELECT actor FROM interaction_events WHERE type = 'actor_approved'") == [("count_words",)]
    assert wave(counted_copy, "actors", "approve", "count_words") == 0
    assert capsys.readouterr().out.startswith("count_words: was approved already (")


def test_an_actor_that_no_run_has_used_is_new_until_it_is_approved(counted_copy, capsys):
    script = counted_copy.folder / "actors/count_words.py"
    script.rename(script.with_name("count_all.py"))
    workflow = counted_copy.folder / "workflows/count.yaml"
    workflow.write_text(workflow.read_text(encoding="utf-8").replace("count_words", "count_all"), encoding="utf-8")
    toml = counted_copy.folder / "wave.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("count_words", "count_all"), encoding="utf-8")
    found = rows(counted_copy, capsys)
    assert (found["count_all"]["state"], found["count_words"]["state"]) == ("new", "gone")
    assert wave(counted_copy, "actors", "approve", "count_all") == 0
    assert capsys.readouterr().out.startswith("count_all: approved (")
    assert rows(counted_copy, capsys)["count_all"]["state"] == "active"


def test_an_actor_that_is_not_there_gets_the_nearest_one(counted, capsys):
    assert wave(counted, "actors", "approve", "count_word") == 4
    assert 'did you mean "count_words"?' in capsys.readouterr().err


def usage(run, capsys, *arguments):
    assert wave(run, "actors", "usage", "count_words", "--json", *arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_results_in_force_are_counted_by_what_made_them(counted_copy, capsys):
    drift(counted_copy)
    counted_copy.sql("DELETE FROM items")
    assert counted_copy.wave("run", "count", "--dev").returncode == 1
    found = usage(counted_copy, capsys)
    assert found["schema"] == "wave.actors.usage.v1"
    newest, oldest = found["rows"]
    assert [(row["run_id"], row["step"], row["results"], row["current"]) for row in (newest, oldest)] == [
        ("2", "count", 3, True),
        ("1", "count", 3, False),
    ]
    assert newest["script"]["sha256"] != oldest["script"]["sha256"]
    assert newest["approved"]["sha256"] == found["approved"] != oldest["approved"]["sha256"]

    of_one = usage(counted_copy, capsys, "--version", oldest["script"]["sha256"][:10], "--records")
    assert [row["run_id"] for row in of_one["rows"]] == ["1"]
    assert sorted(result["key"] for result in of_one["results"]) == ["haiku", "proverb", "saying"]
    assert usage(counted_copy, capsys, "--version", "0000")["rows"] == []
    assert wave(counted_copy, "actors", "usage", "count_words", "--records") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("count_words: 6 results in force; ")
    assert "haiku" in printed


def test_an_actor_that_no_run_has_used_exits_with_4(counted, capsys):
    assert wave(counted, "actors", "usage", "count_word") == 4
    assert 'did you mean "count_words"?' in capsys.readouterr().err


def test_the_history_says_who_approved_what_and_when(counted_copy, capsys):
    drift(counted_copy)
    assert counted_copy.wave("run", "count").returncode == 5
    assert wave(counted_copy, "actors", "approve", "count_words") == 0
    capsys.readouterr()
    assert wave(counted_copy, "actors", "history", "count_words", "--json") == 0
    found = json.loads(capsys.readouterr().out)["rows"]
    assert [row["what"] for row in found] == ["registered", "drifted", "approved"]
    assert [bool(row["by"]) for row in found] == [True, False, True]
    assert found[1]["definition"] == found[2]["definition"] != found[0]["definition"]
    assert wave(counted_copy, "actors", "history") == 0
    assert "fetch_items" in capsys.readouterr().out
