"""The workflow with two graders, an improver, a person and a debate: real postings on every branch of it.

The models are a process that answers by the posting's title: every fourth posting passes both graders at once, the next
is improved once, the next twice, and the fourth never passes, so that a person writes its summary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.openai_stub import Rule
from tests.support.projects import Ground
from tests.support.templates import project_of, wave

from wave_runner.projects.job_postings.actors.checks import Accepted, check

SAMPLE = Path(__file__).parents[3] / "src/wave_runner/projects/job_postings/data/sample.jsonl"
DRAFTS = [
    "This is the first draft.",
    "This is the second draft.",
    "This is the third draft.",
    "This is the fourth draft.",
]
BY_HAND = "A person has written this one."
ROUNDS_OF = [0, 1, 2, 3]  # how often the posting of each kind is improved
SAVED = [DRAFTS[0], DRAFTS[1], DRAFTS[2], BY_HAND]
POSTINGS = 12
END = r"\nJSON:\s*$"  # of a prompt


def source(folder: Path) -> tuple[Path, list[str]]:
    """Write postings of the sample, no title twice, and one that will be rejected; return the file, and the titles."""
    unlike: dict[str, str] = {}
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("{") and isinstance(found := check(json.loads(line)), Accepted):
            unlike.setdefault(found.values["title"], line)
    lines = dict(list(unlike.items())[:POSTINGS])
    nameless = json.dumps({**json.loads(next(iter(lines.values()))), "job_id": "1", "business_title": None})
    path = folder / "postings.jsonl"
    path.write_text("\n".join([*lines.values(), nameless]), encoding="utf-8")
    return path, list(lines)


def answers(titles: list[str]) -> Iterator[Rule]:
    for number, title in enumerate(titles):
        yield from _grades(ROUNDS_OF[number % 4], rf"Posting: {re.escape(title)}\. [^\n]*\nSummary: ")
    yield {"match": r"^Each job posting is followed by a summary of it: ", "json": {"summary": DRAFTS[0]}}
    for before, after in pairwise(DRAFTS):
        yield {
            "match": rf"better summary[\s\S]*Summary: {before}\nGraders: It [^\n]*" + END,
            "json": {"summary": after},
        }
    yield {"match": r"plain style[\s\S]*Summary: ([^\n]*)" + END, "text": '{"summary": "\\1"}'}
    yield {"match": "skills that it asks for", "json": {"skills": [{"skill": "reading"}]}}
    suspicion = {"red_flags": [{"flag": "a known name", "severity": "LOW"}], "reasoning": "Somebody is named."}
    yield {"match": "^For each job posting an analyst looks", "json": suspicion | {"analyst_verdict": "SUSPICIOUS"}}
    heard = r"Analyst: SUSPICIOUS\. Somebody is named\. Flags: a known name\." + END
    doubt = {
        "counter_arguments": ["names are common"],
        "reasoning": "It may be chance.",
        "skeptic_verdict": "PLAUSIBLE",
    }
    yield {"match": heard, "json": doubt}
    both = r"Analyst: SUSPICIOUS\. [^\n]*\nSkeptic: PLAUSIBLE\. It may be chance\. Arguments: names are common\." + END
    yield {"match": both, "json": {"red_flags": ["a known name"], "ihl_score": 41, "verdict": "BORDERLINE"}}


def _grades(rounds: int, asked: str) -> Iterator[Rule]:
    """A posting that is improved `rounds` times; where that is once, only one of the graders objects."""
    failed, passed = {"why": "It is not all there.", "verdict": "FAIL"}, {"why": "It is all there.", "verdict": "PASS"}
    who = {"model": "judge"} if rounds == 1 else {}
    for draft in DRAFTS[: rounds if rounds < 3 else 4]:
        yield {"match": f"{asked}{draft}{END}", "json": failed, **who}
    yield {"match": rf"{asked}[^\n]*{END}", "json": passed}


@pytest.fixture
def posted(ground: Ground, tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    path, titles = source(tmp_path)
    with project_of(ground, "job_postings", list(answers(titles)), ("summariser", "extractor", "judge")):
        yield path, titles


def test_each_posting_goes_the_way_that_its_own_grades_say_and_a_person_ends_what_never_passes(
    ground: Ground, posted: tuple[Path, list[str]]
):
    path, titles = posted
    code, report = wave(ground, "run", "postings_graded", "--source", str(path))
    assert (code, report["run"]["state"]) == (6, "waiting")
    assert report["records"]["completed"] == POSTINGS * 3 // 4  # nobody else waits for the person

    _, listed = wave(ground, "tasks", "list", "--queue", "summaries")
    stuck = [title for number, title in enumerate(titles) if number % 4 == 3]
    assert sorted(row["title"] for row in listed["rows"]) == sorted(
        f'The summary of "{title}" has failed three times' for title in stuck
    )
    for row in listed["rows"]:
        number = str(row["task"])
        _, shown = wave(ground, "tasks", "claim", number)
        assert shown["input"]["summary"] == DRAFTS[3]
        assert wave(ground, "tasks", "decide", number, "--set", f"summary={BY_HAND}")[0] == 0

    code, report = wave(ground, "run", "postings_graded", "--resume")
    assert (code, report["run"]["state"]) == (0, "completed")
    assert report["records"]["completed"] == POSTINGS

    saved = {row["title"]: row for row in ground.sql("SELECT * FROM postings")}
    assert [saved[title]["summary"] for title in titles] == [SAVED[number % 4] for number in range(POSTINGS)]
    assert {(row["ihl_score"], row["ihl_verdict"]) for row in saved.values()} == {(41, "BORDERLINE")}
    assert ground.one("SELECT count(DISTINCT posting_id) FROM job_skills") == POSTINGS
    assert [
        row["errors"][0]["field"] for row in ground.sql("SELECT errors FROM staged_records WHERE state = 'rejected'")
    ] == ["business_title"]

    for number, title in enumerate(titles):
        rounds = ROUNDS_OF[number % 4]
        once = {"grade_a": 1, "grade_b": 1, "both_graded": 1}
        assert done(ground, title) == once | {"improve": rounds, "regrade": rounds, "ticket": rounds // 3}, title


def done(ground: Ground, title: str) -> dict[str, int]:
    """How many interactions of the steps that grade and improve the posting has completed."""
    steps = dict.fromkeys(["grade_a", "grade_b", "both_graded", "improve", "regrade", "ticket"], 0)
    counted = ground.sql(
        """SELECT s.name, count(*) FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
           JOIN postings p ON p.posting_id = i.record_id
           WHERE p.title = %s AND s.name = ANY (%s) AND i.state = 'completed' GROUP BY 1""",
        title,
        list(steps),
    )
    return steps | {row["name"]: row["count"] for row in counted}
