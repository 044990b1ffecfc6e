"""Regression test D: a runner dies just before, or just after, the COMMIT that records a result and its children."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import warm
from tests.support.flow_g import ANSWERS, flow_g
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground

from wave_runner import crash_points

THIRD = ":3"  # of the finishes: after those of `fetch` and `check`, that of `summarise`
COMPLETED = "type = 'interaction_completed'"
LOST = "type = 'interaction_lease_expired'"
SUMMARISE = (
    "(SELECT min(interaction_id) FROM interactions JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) "
    "WHERE s.name = 'summarise')"
)
LEASE = {"WAVE_LEASE_S": "1", "WAVE_RENEW_S": "0.3", "WAVE_GRACE_S": "0"}


@pytest.fixture
def one(ground: Ground, tmp_path: Path) -> Iterator[Ground]:
    with OpenAIStub(tmp_path / "stub", ANSWERS, models=["m1", "m2"]) as stub:
        yield flow_g(ground, stub, 1)


def work(ground: Ground, *words: str, **environment: str) -> int:
    told = {**os.environ, **LEASE, **environment}
    return warm.wave("--project", ground.folder, "run", "work", *words, env=told).returncode


@pytest.mark.parametrize(("point", "attempts"), [("interactions/finish", 2), ("interactions/finish+commit", 1)])
def test_regression_d_result_event_and_children_are_all_there_or_all_absent(point: str, attempts: int, one: Ground):
    assert work(one, **{crash_points.VARIABLE: point + THIRD}) == -signal.SIGKILL
    graders = one.one(f"SELECT count(*) FROM interactions WHERE parent_id = {SUMMARISE}")
    stored = one.one(f"SELECT count(output) FROM interactions WHERE interaction_id = {SUMMARISE}")
    recorded = one.one(f"SELECT count(*) FROM interaction_events WHERE interaction_id = {SUMMARISE} AND {COMPLETED}")
    assert (stored, recorded, graders) == ((1, 1, 2) if attempts == 1 else (0, 0, 0))
    assert work(one, "--resume") == 0
    assert one.states("grade_a") == one.states("grade_b") == {"completed": 1}
    assert one.one(f"SELECT attempt FROM interactions WHERE interaction_id = {SUMMARISE}") == attempts
    lost = f"SELECT count(*) FROM interaction_events WHERE interaction_id = {SUMMARISE} AND {LOST}"
    assert one.one(lost) == attempts - 1
    assert one.one("SELECT count(*) FROM value_writes") == 1
