"""Each staged row gets exactly one decision; of two rows with one key the first wins."""

import json
from collections import Counter
from pathlib import Path

from tests.projects.job_postings.test_checks import GOOD

from wave_runner import Promote, Reject
from wave_runner.projects.job_postings.actors.documents import parse_lines
from wave_runner.projects.job_postings.actors.postings_staging_validator import decide

SAMPLE = Path(__file__).parents[3] / "src/wave_runner/projects/job_postings/data/sample.jsonl"


def staged(*raws):
    return [{"id": number, "raw": raw, "source": f"file#{number}"} for number, raw in enumerate(raws, start=1)]


def test_a_good_row_is_promoted_with_its_source():
    (decision,) = decide(staged(GOOD), set())
    assert isinstance(decision, Promote)
    assert (decision.id, decision.key, decision.values["source"]) == (1, "42/External", "file#1")


def test_of_rows_with_one_key_the_first_wins_also_across_batches():
    keys = set()
    other = GOOD | {"posting_type": "Internal"}
    first = list(decide(staged(GOOD, GOOD, other), keys))
    second = list(decide(staged(other, GOOD | {"job_id": "43"}), keys))
    assert [type(decision) for decision in first + second] == [Promote, Reject, Promote, Reject, Promote]
    assert first[1].errors[0]["rule"] == "duplicate"


def test_a_row_that_was_refused_does_not_take_the_key_from_a_good_one():
    decisions = list(decide(staged(GOOD | {"job_description": None}, GOOD), set()))
    assert [type(decision) for decision in decisions] == [Reject, Promote]


def test_reasons_are_json_whatever_the_row_holds():
    title = 'title can\'t be "N/A"'
    hostile = [GOOD | {"salary_frequency": title}, "no JSON \0\ud800\n\"'\\", GOOD | {"x": "\0"}]
    reasons = [decision.errors for decision in decide(staged(*hostile), set())]
    assert json.loads(json.dumps(reasons)) == reasons
    assert [error["rule"] for (error,) in reasons] == ["unknown_value", "invalid_json", "unstorable_text"]
    assert all("".join(error.values()).isprintable() for (error,) in reasons)
    assert ascii(title) in reasons[0][0]["message"]


def test_the_first_31_lines_of_the_sample_are_25_postings_and_six_broken_rows_of_ours():
    with SAMPLE.open("rb") as stream:
        rows = [json.loads(row) for row in parse_lines(stream, SAMPLE.name)]
    decisions = list(decide(staged(*rows[:31]), set()))
    rules = [decision.errors[0]["rule"] for decision in decisions if isinstance(decision, Reject)]
    assert rules == ["null_input", "too_short", "duplicate", "null_input", "unstorable_text", "invalid_json"]
    rest = list(decide(staged(*rows), set()))
    assert Counter(type(decision) for decision in rest) == {Promote: 100, Reject: 6}
