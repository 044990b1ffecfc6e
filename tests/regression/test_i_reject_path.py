"""I: a rejection is written with its reasons, whatever characters these hold, and takes nothing else with it.

In the first Wave Runner the reason was built as invalid JSON and aborted the transaction.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.intake import intake
from tests.support.projects import Ground

SAMPLE = Path(__file__).parents[2] / "src/wave_runner/projects/job_postings/data/sample.jsonl"
QUOTED = """can't be "N/A"\\ or {so}"""


def test_regression_i_rejected_rows_carry_their_reasons_and_the_good_ones_are_published(ground: Ground, tmp_path: Path):
    source = tmp_path / "five.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in batch()), encoding="utf-8")

    assert intake(ground, str(source)) == "completed"

    staged = ground.sql("SELECT raw->>'job_id' AS job, state, errors FROM staged_records ORDER BY staged_id")
    assert [row["state"] for row in staged] == ["promoted", "promoted", "rejected", "rejected", "rejected"]
    assert [[(error["rule"], error["field"]) for error in row["errors"]] for row in staged[2:]] == [
        [("null_input", "business_title")],
        [("duplicate", "job_id")],
        [("bad_number", "num_of_positions")],
    ]
    assert all(error["message"] for row in staged[2:] for error in row["errors"])
    assert ascii(QUOTED) in staged[4]["errors"][0]["message"]
    asked = "SELECT count(*) FROM staged_records WHERE errors @> %s::jsonb"
    assert ground.one(asked, json.dumps([{"rule": "duplicate"}])) == 1
    assert ground.one("SELECT count(*) FROM postings") == 2


def batch() -> list[dict]:
    first, second, third, fifth = (json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:4])
    third.pop("business_title")
    return [first, second, third, dict(first), {**fifth, "num_of_positions": QUOTED}]
