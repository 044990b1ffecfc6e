"""A run is killed where its canary is judged, and where its last results stop it: once, whole, or not at all."""

from __future__ import annotations

import signal

import pytest
from tests.crash.test_repair import wave
from tests.runner.test_canary import LOUD, judged, project
from tests.support.projects import Ground

from wave_runner import crash_points

TOLD = "SELECT count(*) FROM interaction_events WHERE type = %s"
BEGUN = "SELECT count(*) FROM run_records"


def killed_at(ground: Ground, point: str) -> None:
    done = wave(ground, "run", "work", **{crash_points.VARIABLE: point})
    assert done.returncode == -signal.SIGKILL, f"{point} was never passed\n{done.stderr}"


@pytest.mark.parametrize("point", ["canaries/judged", "canaries/let_go", "canaries/let_go+commit"])
def test_a_verdict_that_is_killed_stands_whole_or_is_given_again(ground: Ground, point: str):
    project(ground, ["some text"] * 12)
    killed_at(ground, point)
    stands = ground.one("SELECT canary_verdict FROM workflow_runs")
    assert ground.one(TOLD, "canary_judged") == (stands is not None)
    assert wave(ground, "run", "work", "--resume").returncode == 0
    assert (ground.one(TOLD, "canary_judged"), judged(ground)["records"], ground.one(BEGUN)) == (1, 5, 12)


@pytest.mark.parametrize("point", ["canaries/judged", "control/pause_run", "control/pause_run+commit"])
def test_a_canary_that_fails_holds_the_others_wherever_its_judge_is_killed(ground: Ground, point: str):
    project(ground, ["some text"] * 12, score=LOUD)
    killed_at(ground, point)
    assert ground.one(BEGUN) == 5
    assert wave(ground, "run", "work", "--resume").returncode == 6
    assert (ground.one(TOLD, "canary_judged"), ground.one(TOLD, "paused"), ground.one(BEGUN)) == (1, 1, 5)


@pytest.mark.parametrize("point", ["stops/remember", "stops/remember+commit", "stops/forget", "stops/forget+commit"])
def test_a_stop_that_is_killed_stands_whole_or_comes_with_the_next_result(ground: Ground, point: str):
    project(ground, ["some text"] * 200, score=LOUD)
    workflow = ground.folder / "workflows/work.yaml"
    workflow.write_text(workflow.read_text().replace("canary: {records: 5}", "stop: {last: 10, bad: 0.5}"))
    killed_at(ground, point)
    assert wave(ground, "run", "work", "--resume").returncode == 6
    assert (ground.one(TOLD, "batch_stopped"), ground.one(TOLD, "paused")) == (1, 1)
    assert ground.one("SELECT count(*) FROM interactions WHERE attempt = 0") > 0
