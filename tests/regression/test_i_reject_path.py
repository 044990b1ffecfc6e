"""I: a rejection is written with its reasons, whatever characters these hold, and takes nothing else with it.

In the first Wave Runner the reason was built as invalid JSON and aborted the transaction.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.projects import Ground, run_to_end, script

from wave_runner.engine import Engine
from wave_runner.project.init import init_project

SAMPLE = Path(__file__).parents[2] / "src/wave_runner/projects/job_postings/data/sample.jsonl"
WORKFLOW = """\
workflow: intake
collection: postings
params: {source: string}
steps:
  fetch: {actor: db_job_fetcher, once: true, input: {source: params.source, limit: run.limit}, next: validate}
  validate: {actor: postings_staging_validator, once: true, next: {each: promoted, to: look}}
  look: {actor: look, next: end}
"""
QUOTED = """can't be "N/A"\\ or {so}"""


def test_regression_i_rejected_rows_carry_their_reasons_and_the_good_ones_are_published(ground: Ground, tmp_path: Path):
    init_project(ground.folder, "job_postings")
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
    ground.write("workflows/intake.yaml", WORKFLOW)
    ground.write("actors/look.py", script("return {}"))
    source = tmp_path / "five.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in batch()), encoding="utf-8")

    assert ground.do(lambda engine: intake(engine, source)) == "completed"

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


async def intake(engine: Engine, source: Path) -> str:
    await engine.sync()
    run_id = await engine.start_run("intake", {"source": str(source)})
    return await run_to_end(engine, run_id)
