"""The weights that ship, on real postings: contracts, digests, loads and the cache are as with any other model.

What such a small model says is not asked here; only that nothing is saved which breaks its contract.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema_rs
import pytest
from tests.support.main_job import require_model_server, rows, status, wave
from tests.support.real_weights import needs_local

from wave_runner.servers import weights
from wave_runner.servers.router import count_loads
from wave_runner.store import embedded

pytestmark = [needs_local, pytest.mark.real_model]

RECORDS = 3
LOG = Path(".wave/servers/local/llama-server.log")
OUTPUTS = """
    SELECT s.name, i.output FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
    WHERE s.name IN ('summarise', 'extract_skills', 'score') AND i.state = 'completed'
"""
SCHEMAS = {"summarise": "summary", "extract_skills": "skills", "score": "ihl"}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A demo that was kept, and what it has printed."""

    folder: Path
    printed: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    place = tmp_path_factory.mktemp("real")
    require_model_server(place)
    folder = place / "postings"
    try:
        done = wave(place, "demo", "--keep", str(folder), "--records", str(RECORDS))
        assert done.returncode == 0, done.stdout + done.stderr
        yield Kept(folder=folder, printed=done.stdout)
    finally:
        embedded.remove(folder / ".wave")


def test_every_check_of_the_demo_holds_and_each_file_was_loaded_once(demo: Kept):
    checks = demo.printed.partition("── Checks")[2]
    assert checks.count(" ok  ") == 6
    assert count_loads(demo.folder / LOG) == status(demo.folder)["model_loads"] == 2


def test_what_was_recorded_keeps_its_schema(demo: Kept):
    found = rows(demo.folder, OUTPUTS)
    assert len(found) == len(SCHEMAS) * RECORDS
    for step, output in found:
        schema = json.loads((demo.folder / f"schemas/{SCHEMAS[step]}.json").read_text("utf-8"))
        jsonschema_rs.validate(schema, json.loads(output))


def test_the_digests_of_its_visits_are_those_of_the_files(demo: Kept):
    visits = dict(rows(demo.folder, "SELECT model, digest FROM visits"))
    files = sorted((demo.folder / ".wave/models").glob("*.gguf"))
    assert visits == {file.stem: weights.digest(file, demo.folder / "digests.json") for file in files}
    assert visits.get(weights.Q4, f"sha256:{weights.Q4_SHA256}") == f"sha256:{weights.Q4_SHA256}"


def test_the_same_once_more_asks_nobody_and_says_so(demo: Kept):
    before = rows(demo.folder, "SELECT posting_key, summary, ihl_score FROM postings ORDER BY 1")
    rows(demo.folder, "WITH s AS (DELETE FROM job_skills) DELETE FROM postings RETURNING 1")
    limit = str(status(demo.folder)["staging"]["total"])
    done = wave(demo.folder, "run", "job_postings", "--source", "sample", "--limit", limit)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if "from the cache" in line]
    assert line.startswith(f"{3 * RECORDS} answers from the cache: saved {3 * RECORDS} model calls, ")
    assert line.endswith("; 0 made")
    assert rows(demo.folder, "SELECT posting_key, summary, ihl_score FROM postings ORDER BY 1") == before
    assert count_loads(demo.folder / LOG) == 2
