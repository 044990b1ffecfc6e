"""Every value that the job postings project saves explains itself: all of them are asked, not a sample.

What stands behind each value is looked at in SQL, for all values at once; and each posting is asked about with
`explain` itself, about one of its values in turn. The models are a process that gives every posting the same answers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import pytest
from tests.support.main_job import allow_nonsense
from tests.support.projects import Ground
from tests.support.templates import project_of, wave

from wave_runner.core.health import Verdict
from wave_runner.reports.doctor import invariant_checks, value_checks
from wave_runner.reports.explain import explain

SAMPLE = Path(__file__).parents[3] / "src/wave_runner/projects/job_postings/data/sample.jsonl"
PAGES = Path(os.environ.get("WAVE_TEST_DATA") or "/nowhere") / "nyc-jobs" / "pages-2016"
POSTINGS = 2_089  # of those pages: as many as the first Wave Runner had when it was first measured
SAVED = ("summary", "ihl_score", "ihl_verdict", "red_flags")
WRITER = {"job_skills": "save_skills", "postings.title": "validate", "postings.summary": "save_summary"}
WRITER |= dict.fromkeys(("postings.ihl_score", "postings.ihl_verdict", "postings.red_flags"), "save_score")
AT_ONCE = 4
PATIENCE_S = 900
RULES = [
    {"match": "^Each job posting is followed by a summary", "json": {"summary": "What the person does is told here."}},
    {
        "match": "^Each job posting is followed by the skills",
        "json": {"skills": [{"skill": "reading"}, {"skill": "sums"}]},
    },
    {
        "match": "^Each job posting is judged",
        "json": {"red_flags": ["a known name"], "ihl_score": 41, "verdict": "BORDERLINE"},
    },
]

# From the values to who wrote them: what stands in the tables and was not written, or not as it stands there.
UNWRITTEN = """
    SELECT p.posting_key
    FROM postings p
    LEFT JOIN LATERAL (
        SELECT v.after_sha256
        FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
        WHERE v.record_id = p.posting_id AND v.table_name = 'postings' AND v.column_name = '{column}' AND i.in_force
        ORDER BY v.value_write_id DESC
        LIMIT 1
    ) AS write ON true
    WHERE p.{column} IS NOT NULL
      AND write.after_sha256 IS DISTINCT FROM sha256(convert_to(to_json(p.{column})::text, 'UTF8'))
"""
UNWRITTEN_SKILLS = """
    SELECT s.posting_id
    FROM (SELECT posting_id, json_agg(to_json(t) ORDER BY to_json(t)::text COLLATE "C")::text AS rows
          FROM job_skills t GROUP BY 1) AS s
    WHERE NOT EXISTS (
        SELECT FROM value_writes v JOIN interactions i USING (run_id, interaction_id)
        WHERE v.record_id = s.posting_id AND v.table_name = 'job_skills' AND v.column_name = '*' AND i.in_force
          AND v.after_sha256 = sha256(convert_to(s.rows, 'UTF8')))
"""
UNPROMOTED = """
    SELECT p.posting_key FROM postings p
    WHERE (SELECT count(*) FROM staged_records s
           JOIN interactions d ON d.run_id = s.run_id AND d.interaction_id = s.decider_id AND d.state = 'completed'
           JOIN interactions f ON f.run_id = s.run_id AND f.interaction_id = s.interaction_id AND f.state = 'completed'
           WHERE s.record_id = p.posting_id AND s.state = 'promoted') <> 1
"""


@pytest.fixture
def postings(ground: Ground) -> Iterator[Ground]:
    with project_of(ground, "job_postings", RULES, ("summariser", "extractor", "judge")):
        allow_nonsense(ground.folder / "workflows/job_postings.yaml")
        yield ground


def every_value_explains_itself(ground: Ground, source: Path, *more: str) -> int:
    """Run the main job on a source and ask about every value; return how many postings there are."""
    code, report = wave(ground, "run", "job_postings", "--source", str(source), *more, timeout=PATIENCE_S)
    assert (code, report["run"]["state"]) == (0, "completed")
    promoted = report["staging"]["promoted"]
    assert ground.one("SELECT count(*) FROM postings") == promoted

    for column in SAVED:
        assert ground.one(f"SELECT count({column}) FROM postings") == promoted
        assert ground.sql(UNWRITTEN.format(column=column)) == []
    assert ground.one("SELECT count(DISTINCT posting_id) FROM job_skills") == promoted
    assert ground.sql(UNWRITTEN_SKILLS) == []
    assert ground.sql(UNPROMOTED) == []

    async def look(engine):
        links = await invariant_checks(engine.database, lease_s=30)
        values = await value_checks(engine.database, engine.project().collections)
        return {one.name: one for one in (*links, *values)}

    checks = ground.do(look)
    assert [one.found for one in checks.values() if one.verdict is not Verdict.OK] == []
    for name in ("job_skills", *(f"postings.{column}" for column in SAVED)):
        assert checks[f"values {name}"].found == f"{promoted} values stand as they were written"
    return promoted


def explained(ground: Ground, asked: Sequence[tuple[str, str]]) -> list[tuple[str, str, list[str]]]:
    """Return of each (key, name) that is asked about: the name, the step that has written it, what is missing."""

    async def ask(engine):
        collections, turn = engine.project().collections, asyncio.Semaphore(AT_ONCE)

        async def one(key: str, name: str) -> tuple[str, str, list[str]]:
            async with turn:
                found = await explain(engine.database, name, key=key, collections=collections)
            return name, found.works[0].step, list(found.missing)

        return await asyncio.gather(*(one(key, name) for key, name in asked))

    return ground.do(ask)


def postings_explain_themselves(ground: Ground, *, values_each: int) -> None:
    names = cycle(WRITER)
    keys = [row["posting_key"] for row in ground.sql("SELECT posting_key FROM postings ORDER BY 1")]
    asked = [(key, next(names)) for key in keys for _ in range(values_each)]
    assert explained(ground, asked) == [(name, WRITER[name], []) for _, name in asked]


def test_every_value_of_the_sample_explains_itself(postings: Ground):
    assert every_value_explains_itself(postings, SAMPLE, "--limit", "25")
    postings_explain_themselves(postings, values_each=len(WRITER))


@pytest.mark.big_data
@pytest.mark.skipif(not PAGES.is_dir(), reason="set WAVE_TEST_DATA to a folder that holds nyc-jobs/pages-2016")
@pytest.mark.timeout(1200)
def test_every_value_of_2089_postings_explains_itself(postings: Ground):
    every_value_explains_itself(postings, PAGES, "--limit", str(POSTINGS))
    assert postings.one("SELECT count(*) FROM staged_records") == POSTINGS
    postings_explain_themselves(postings, values_each=1)
