"""`wave trace` on a real run."""

import json

from wave_runner.cli import main

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def wave(run, *arguments):
    return main.run(["--project", str(run.folder), *arguments])


def test_a_whole_chain_is_printed_event_by_event_and_exits_with_0(counted, capsys):
    assert wave(counted, "trace", "haiku") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "haiku in run 1 of count: completed"
    own = [line.split("\t") for line in lines if line.startswith("3.")]
    assert [(cells[0], cells[1], cells[2]) for cells in own] == [
        ("3.1", "2.4", "interaction_started"),
        ("3.2", "3.1", "interaction_completed"),
    ]
    assert own[1][7] == "next → end"
    assert lines[-1].startswith("the chain is unbroken: 2 events of the record, 7 that led to it")


def test_the_document_names_causes_hashes_and_who_did_it(counted, capsys):
    assert wave(counted, "trace", "bomb", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["schema", "record", "unbroken", "breaks", "timeline", "works", "events"]
    assert document["schema"] == "wave.trace.v1"
    assert (document["unbroken"], document["breaks"]) == (True, [])
    assert document["record"]["key"] == "bomb"
    last = document["events"][-1]
    stored = counted.sql(
        "SELECT encode(sha256, 'hex'), encode(definition, 'hex'), runner_id::text FROM interaction_events"
        " WHERE event_id = %s",
        last["event_id"],
    )
    assert (last["sha256"], last["definition"], last["runner_id"]) == stored[0]
    assert document["timeline"][0]["error"] == "RuntimeError: told to fail"
    assert document["timeline"][0]["traceback"].endswith("RuntimeError: told to fail\n")


def test_what_a_script_raised_is_shown_with_its_traceback(counted, capsys):
    assert wave(counted, "trace", "bomb") == 0
    lines = capsys.readouterr().out.splitlines()
    began = lines.index("what count_words raised, attempt 2:")
    assert lines[began + 1] == "  Traceback (most recent call last):"
    after = next(number for number, line in enumerate(lines) if line.startswith("count (script count_words)"))
    assert lines[after - 1] == "  RuntimeError: told to fail"


def test_what_the_workflow_ensures_and_does_not_hold_is_said(counted, capsys):
    assert wave(counted, "trace", "bomb") == 0
    assert "not as ensured: count failed: transient" in capsys.readouterr().out


def test_a_broken_chain_is_said_and_exits_with_1(counted_copy, capsys):
    counted_copy.as_superuser(
        "ALTER TABLE interaction_events_r1 DISABLE TRIGGER ALL;"
        " DELETE FROM interaction_events WHERE interaction_id = 3 AND seq = 1"
    )
    assert wave(counted_copy, "trace", "haiku") == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("the chain is BROKEN") for line in lines)
    assert "  missing: event 1 of 2 of interaction 3 is missing" in lines


def test_a_record_that_is_not_there_exits_with_4(counted, capsys):
    assert wave(counted, "trace", "nobody") == 4
    assert "no record 'nobody' took part in any run" in capsys.readouterr().err


def test_what_each_step_was_given_and_gave_is_shown(counted, capsys):
    assert wave(counted, "trace", "proverb") == 0
    lines = capsys.readouterr().out.splitlines()
    began = next(number for number, line in enumerate(lines) if line.startswith("count (script count_words)"))
    page = "\n".join(lines[began : lines.index("# events")])
    assert '│ {"text": "Many hands make light work."}' in page
    assert '│ {"words": 5}' in page
    assert wave(counted, "trace", "proverb", "--json") == 0
    [work] = json.loads(capsys.readouterr().out)["works"]
    assert (work["step"], work["output"], work["missing"]) == ("count", {"words": 5}, [])


def test_a_long_text_is_cut_unless_it_is_wanted_whole(counted_copy, capsys):
    text = "word " * 100
    counted_copy.as_superuser(f"UPDATE interactions SET input = '{{\"text\":\"{text}\"}}' WHERE input LIKE '%%hands%%'")
    assert wave(counted_copy, "trace", "proverb") == 0
    assert "the first and last 150 of 512 characters" in capsys.readouterr().out
    assert wave(counted_copy, "trace", "proverb", "--full") == 0
    printed = capsys.readouterr().out
    assert printed.count("word ") >= 95
    assert all(len(line) <= 120 for line in printed.splitlines() if "│" in line)
