"""A: no step ever sees another record's value, however records and runners are interleaved.

In the first Wave Runner a run had a state of its own that all its records shared, and 99 % of the summaries belonged to
another posting.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.flow_g import ANSWERS, flow_g, token
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, wait_until

from wave_runner.errors import ProjectError
from wave_runner.project.load import load_project

RECORDS = 1000
PATIENCE_S = 900  # 3,400 calls, three runners: two minutes on two idle cores, many on busy ones
ENDED = "SELECT nullif(state, 'running') FROM workflow_runs"
TOKEN = re.compile(r"T\d{4}")


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[OpenAIStub]:
    with OpenAIStub(tmp_path / "stub", models=["m1", "m2"]) as running:
        yield running


@pytest.mark.timeout(PATIENCE_S + 60)
def test_regression_a_every_prompt_and_every_saved_value_holds_its_own_token_only(ground: Ground, stub: OpenAIStub):
    stub.answer_with(*ANSWERS)
    flow_g(ground, stub, RECORDS)
    ground.start()
    with contextlib.ExitStack() as running:
        for _ in range(3):
            running.enter_context(ground.process("runner"))
        state = wait_until(lambda: ground.one(ENDED), patience_s=PATIENCE_S)
    assert state == "completed"
    check_prompts(ground)
    saved = {row["name"]: row["note"] for row in ground.sql("SELECT name, note FROM items")}
    assert saved == {
        f"item {n:04}": f"{token(n)} said better" if n % 5 == 0 else f"{token(n)} in brief" for n in range(RECORDS)
    }


def check_prompts(ground: Ground) -> None:
    """Every request that was made, by the record that it was made for."""
    asked = ground.sql(
        "SELECT r.key, p.content FROM payloads p JOIN interactions i USING (run_id, interaction_id) "
        "JOIN records r USING (record_id) WHERE p.role = 'request'"
    )
    assert len(asked) == 3 * RECORDS + 2 * RECORDS // 5
    for row in asked:
        assert set(TOKEN.findall(bytes(row["content"]).decode())) == {f"T{row['key'].removeprefix('item ')}"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("run.current_summary", "there is no `run.current_summary`"),
        ("run.outputs", "there is no `run.outputs`"),
        ("records.text", "there is no `records`"),
        ("workflow.summary", "there is no `workflow`"),
        ("'record[1].text'", "is no source"),
        ("'summarise[item 0001].summary'", "is no source"),
        ("improve.summary", "`improve` does not come before `grade_a`"),
        ("grade_b.why", "`grade_b` does not come before `grade_a`"),
    ],
)
def test_regression_a_what_reads_beyond_its_own_record_is_refused(
    ground: Ground, stub: OpenAIStub, source: str, says: str
):
    flow_g(ground, stub, 1)
    file = ground.folder / "workflows/work.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("input: {summary: summarise.summary}", f"input: {{summary: {source}}}", 1), "utf-8")
    with pytest.raises(ProjectError, match=re.escape(says)):
        load_project(ground.folder)
