"""What `wave trial`, `repeat`, `eval` and `compare` print and refuse."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.test_rerun import wave
from tests.runner.test_experiments import GOLD
from tests.runner.test_shadow import STEPS, project
from tests.runner.test_trial import NEW, OLD, done, new_prompt, stub, work
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

__all__ = ["done", "stub"]  # fixtures


def test_a_trial_is_shown_listed_adopted_and_proven(done: Ground, capsys: Any):
    assert wave(done, "trial", "ask", "--with", f"prompt={new_prompt(done)}", "--seed", "s") == 0
    said = capsys.readouterr().out
    assert "3 results are equal and 2 differ: 60.0 % agree; 1 have only the old result" in said
    assert "item 0\task\tverdict\tGOOD\tBAD" in said
    assert "trial\t5 of 6\t" in said
    assert "output_schema 1" in said
    assert wave(done, "trial", "show", "2", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["differs"], len(document["pairs"])) == ("wave.trial.v1", 2, 6)
    assert (document["experiment"]["seed"], document["experiment"]["state"]) == ("s", "completed")
    assert wave(done, "trial", "list") == 0
    assert f"prompt={new_prompt(done)}" in capsys.readouterr().out
    assert wave(done, "trial", "adopt", "2") == 0
    said = capsys.readouterr().out
    assert "would be written: prompts/ask.md" in said
    assert "nothing is done yet: wave trial adopt 2 --reason TEXT --yes" in said
    assert wave(done, "trial", "adopt", "2", "--reason", "better", "--yes") == 0
    assert "trial 2 is adopted; what is stale now: wave stale work" in capsys.readouterr().out
    assert wave(done, "audit", "verify") == 0


def test_a_shadow_is_started_shown_listed_and_adopted(ground: Ground, stub: OpenAIStub, capsys: Any):
    project(ground, stub, STEPS)
    run_id = ground.start()
    assert wave(ground, "shadow", "ask", "--with", f"prompt={new_prompt(ground)}", "--seed", "s") == 0
    said = capsys.readouterr().out
    assert f"shadow 2 of work.ask, prompt={new_prompt(ground)}: beside run {run_id}" in said
    assert wave(ground, "shadow", "show", "2") == 0
    assert "it was given 0 results of run 1, and is given more until that has ended" in capsys.readouterr().out
    assert wave(ground, "status", "--run", "2") == 0
    assert "shadow 2 of work: running for" in capsys.readouterr().out
    assert work(ground, run_id) == "completed"
    assert wave(ground, "shadow", "resume", "2") == 0
    said = capsys.readouterr().out
    assert "it was given 6 results of run 1\n" in said
    assert "shadow\t5 of 6\t" in said
    assert "3 results are equal and 2 differ: 60.0 % agree; 1 have only the old result" in said
    assert wave(ground, "shadow", "list", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "wave.shadows.v1"
    assert [(one["source_run_id"], one["fed"], one["state"]) for one in document["rows"]] == [("1", 6, "completed")]
    assert wave(ground, "shadow", "adopt", "2", "--reason", "better", "--yes") == 0
    assert "shadow 2 is adopted; what is stale now: wave stale work" in capsys.readouterr().out
    assert wave(ground, "audit", "verify") == 0


def test_a_repeat_and_an_eval_are_shown_and_counted_in_no_status(done: Ground, stub: OpenAIStub, capsys: Any):
    stub.answer_with({"match": r"number 1\.", "text": '{"verdict": "BAD", "n": 1}', "times": 1}, OLD, *NEW)
    done.write("gold/ask.yaml", GOLD)
    assert wave(done, "repeat", "ask", "--times", "2", "--where", 'name:"item 1"') == 0
    said = capsys.readouterr().out
    assert 'item 1\t50.0 %\tverdict\t1 × "BAD", 1 × "GOOD"' in said
    assert "0 of 1 results were the same each of 2 times; 2 of 2 answers kept their contract" in said
    assert wave(done, "eval", "ask") == 0
    said = capsys.readouterr().out
    assert "item 2\tverdict\tBAD\tGOOD" in said
    assert "2 of 3 cases are right: 66.7 %" in said
    assert wave(done, "eval", "list", "--json") == 0
    [line] = json.loads(capsys.readouterr().out)["rows"]
    assert (line["gold"], line["cases"], line["right"], line["since_last"]) == ("gold/ask.yaml", 3, 2, "")
    assert wave(done, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["run"]["run_id"] == "1"


def test_a_comparison_says_what_differs(done: Ground, stub: OpenAIStub, capsys: Any):
    stub.answer_with({"match": r"number 4\.", "text": '{"verdict": "BAD", "n": 4}'}, OLD)
    assert wave(done, "trial", "ask", "--seed", "s") == 0
    capsys.readouterr()
    assert wave(done, "compare", "1", "2", "--step", "ask") == 0
    said = capsys.readouterr().out
    assert "item 4\task\tverdict\tGOOD\tBAD" in said
    assert "5 results are equal and 1 differ: 83.3 % agree" in said


REFUSED = [
    (["trial", "ask", "--with", "prompt"], 2, "is not of the form WHAT=VALUE"),
    (["trial", "ask", "--with", "model=a", "--with", "model=b"], 2, "model is given twice"),
    (["trial", "ask", "--with", "colour=red"], 2, "has no 'colour' to change"),
    (["trial", "show", "1"], 4, "there is no trial 1"),
    (["trial", "adopt", "1", "--yes"], 2, "say why"),
    (["shadow", "ask", "--with", "model=other"], 4, "no run of work goes on"),
    (["shadow", "ask", "--share", "0"], 2, "is not in the range"),
    (["shadow", "show", "1"], 4, "there is no shadow 1"),
    (["shadow", "adopt", "1", "--yes"], 2, "it is kept with the shadow"),
    (["trial", "ask", "--where", "name:nobody"], 4, "has no result in force whose input is recorded"),
    (["eval", "ask"], 4, "ask has no gold set"),
    (["repeat", "ask", "--records", "10000", "--times", "6"], 2, "more than 50,000 answers"),
    (["repeat", "resume", "7"], 4, "there is no repeat 7"),
    (["compare", "1"], 2, "name two runs"),
    (["compare", "--versions", "aa", "bb"], 2, "name it with --step"),
    (
        ["compare", "--step", "ask", "--versions", "aabbccdd", "bbccddee"],
        4,
        "no result of ask was made by a version",
    ),
    (["compare", "1", "2", "--csv", "--json"], 2, "either --csv or --json"),
]
"""What is given, the exit code, and what is said."""


def test_what_cannot_be_done_is_said_and_nothing_begins(done: Ground, capsys: Any):
    for words, code, said in REFUSED:
        assert (wave(done, *words), words) == (code, words)
        assert said in capsys.readouterr().err
    assert done.one("SELECT count(*) FROM experiments") == 0
