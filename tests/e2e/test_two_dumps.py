"""A source that is fetched again after years: what is new or edited is done, nothing twice; what is gone is told."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, until
from tests.support.small_project import change

from wave_runner.engine import Engine
from wave_runner.project.init import init_project
from wave_runner.store import runs

DUMPS = Path(os.environ.get("WAVE_TEST_DATA") or "/nowhere") / "nyc-jobs"
PAGES = Path(__file__).parents[1] / "data" / "nyc"
EDITED = "Edited by the test. "
RULES = [{"json": {"summary": "The city seeks somebody who does what it needs."}}]
WORKFLOW = """\
workflow: job_postings
collection: postings
params: {source: string}
steps:
  fetch: {actor: db_job_fetcher, once: true, input: {source: params.source, limit: run.limit}, next: validate}
  validate: {actor: postings_staging_validator, once: true, next: {each: promoted, to: summarise}}
  summarise:
    model: summariser
    prompt: prompts/summarise.md
    input: {title: record.title, text: {from: record.description, max_chars: 600}}
    output: schemas/summary.json
    guards: {repetition: off, same_text: off}
    next: save_summary
  save_summary: {actor: summary_saver, input: {summary: summarise.summary}, writes: [postings.summary], next: end}
ensures: [record.summary != null]
ensures_run: [fetch.complete]
"""
MODEL = '[models.summariser]\nserver = "stub"\nmodel = "stub"\ncache = false\n'
PATIENCE_S = 1500
Row = dict[str, Any]


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[OpenAIStub]:
    with OpenAIStub(tmp_path / "stub", RULES) as running:
        yield running


def project(ground: Ground, stub: OpenAIStub) -> None:
    """The job postings project, with the source's own id as the key, and models on the test's server."""
    init_project(ground.folder, "job_postings")
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
    change(ground.folder, "wave.toml", 'key = "posting_key"', 'key = "source_id"')
    settings = (ground.folder / "wave.toml").read_text("utf-8")
    head = settings[: settings.index("# --- Models")] + settings[settings.index("# --- Scripts") :]
    server = f'[servers.stub]\ndriver = "openai"\nurl = "{stub.url}"\nslots = 8\n'
    ground.write("wave.toml", f"{head}\n{server}{MODEL}")
    change(
        ground.folder,
        "actors/checks.py",
        "return f\"{self.values['job_id']}/{self.values['posting_type']}\"",
        'return str(self.values["source_id"])',
    )
    change(ground.folder, "sql/tables.sql", "STORED UNIQUE,", "STORED,")
    change(ground.folder, "sql/tables.sql", "    UNIQUE (job_id, posting_type),\n", "    UNIQUE (source_id),\n")
    for workflow in (ground.folder / "workflows").iterdir():
        workflow.unlink()
    ground.write("workflows/job_postings.yaml", WORKFLOW)


def dump(folder: Path) -> list[Row]:
    pages = sorted(folder.glob("*.json.gz"))
    return [
        row for page in pages for row in json.loads(gzip.decompress(page.read_bytes()).decode("utf-8-sig"))["value"]
    ]


async def ended(engine: Engine, run_id: int) -> str:
    found = await runs.state(engine.database, run_id)
    assert found is not None
    return "" if found["state"] == "running" else str(found["state"])


def fetch(ground: Ground, rows: list[Row]) -> tuple[int, str]:
    """Let the source hold these rows, and have a run take them in."""
    folder = ground.folder / "source"
    shutil.rmtree(folder, ignore_errors=True)
    ground.write("source/all.json", json.dumps({"value": rows}))

    async def run(engine: Engine) -> tuple[int, str]:
        await engine.sync()
        run_id = await engine.new_runs().start("job_postings", {"source": "source"})
        async with at_work(engine):
            return run_id, await until(lambda: ended(engine, run_id), patience_s=PATIENCE_S)

    return ground.do(run)


def edited(rows: list[Row], n: int) -> list[Row]:
    return [{**row, "job_description": EDITED + row["job_description"]} if i < n else row for i, row in enumerate(rows)]


def staged(ground: Ground, run_id: int) -> dict[str, int]:
    found = ground.sql("SELECT state, count(*) AS n FROM staged_records WHERE run_id = %s GROUP BY 1", run_id)
    return {row["state"]: row["n"] for row in found}


def through(ground: Ground, stub: OpenAIStub, first: list[Row], second: list[Row], *, edits: int) -> None:
    project(ground, stub)
    gone = {row["id"] for row in first} - {row["id"] for row in second}
    new = len({row["id"] for row in second} - {row["id"] for row in first})
    assert fetch(ground, first)[1] == "completed"
    taken = staged(ground, 1)["promoted"]
    asked = len(stub.requests())
    assert asked == taken

    run_id, state = fetch(ground, second)
    assert state == "completed"
    assert len(stub.requests()) == asked + new, "what both dumps have costs no call"
    assert staged(ground, run_id).get("unchanged") == taken - len(gone)
    held = ground.sql("SELECT known, vanished FROM batches WHERE run_id = %s AND state = 'held'", run_id)
    assert held == [{"known": taken, "vanished": len(gone)}]
    done = ground.do(lambda engine: engine.batches().approve(run_id, reason="the city has removed duplicates"))
    assert done == len(gone)
    assert {row["key"] for row in ground.sql("SELECT key FROM records WHERE vanished_in IS NOT NULL")} == gone

    before = values(ground)
    asked = len(stub.requests())
    run_id, state = fetch(ground, edited(second, edits))
    assert state == "completed"
    assert len(stub.requests()) == asked + edits
    assert staged(ground, run_id) == {"updated": edits, "unchanged": len(second) - edits}
    again = "SELECT key FROM run_records JOIN records USING (record_id) WHERE run_id = %s"
    assert {row["key"] for row in ground.sql(again, run_id)} == {row["id"] for row in second[:edits]}
    assert {key for key, value in values(ground).items() if value != before[key]} == {
        row["id"] for row in second[:edits]
    }


def values(ground: Ground) -> dict[str, tuple[str, int]]:
    """Return of each posting its description, and its newest event."""
    found = ground.sql(
        "SELECT p.source_id, p.description, "
        "(SELECT max(e.event_id) FROM interactions i "
        "JOIN interaction_events e USING (run_id, interaction_id) WHERE i.record_id = p.posting_id) AS newest "
        "FROM postings p"
    )
    return {row["source_id"]: (row["description"], row["newest"]) for row in found}


def test_a_second_dump_costs_only_what_is_new_and_edited(ground: Ground, stub: OpenAIStub):
    rows = dump(PAGES)
    through(ground, stub, rows, rows[:-2], edits=3)


@pytest.mark.big_data
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not DUMPS.is_dir(), reason="set WAVE_TEST_DATA to a folder that holds nyc-jobs")
def test_the_dump_of_2018_costs_nothing_after_that_of_2016_and_244_postings_are_gone(ground: Ground, stub: OpenAIStub):
    first, second = dump(DUMPS / "pages-2016"), dump(DUMPS / "pages-2018")
    assert (len(first), len(second)) == (2802, 2558)
    through(ground, stub, first, second, edits=40)
