"""Who is killed while a trial is started or adopted, or a shadow fed, leaves it whole or not at all, and it goes on."""

from __future__ import annotations

import json
import signal

import pytest
from tests.crash.points import placed
from tests.crash.test_repair import wave
from tests.crash.workload import SETTINGS
from tests.runner.test_shadow import FORM, decide, sources
from tests.support.projects import Ground, rows, script

from wave_runner import crash_points

N = 6
BETTER = script("return {'words': 7}")
STARTING = ("runs/create", "experiments/add", "experiments/begin")


@pytest.fixture
def done(ground: Ground) -> Ground:
    ground.project(rows=rows(N))
    assert ground.run() == "completed"
    ground.write("better.py", BETTER)
    return ground


def trial(ground: Ground, **environment: str) -> int:
    command = ("trial", "count", "--with", f"script={ground.folder / 'better.py'}")
    return wave(ground, *command, **environment).returncode


@pytest.mark.parametrize("point", placed((*STARTING, "experiments/begin")))
def test_a_trial_that_is_killed_while_it_begins_stands_whole_or_not_at_all(done: Ground, point: str):
    assert trial(done, **{crash_points.VARIABLE: point}) == -signal.SIGKILL, f"{point} was never passed"
    begun = done.sql("SELECT run_id FROM experiments")
    assert len(begun) == done.one("SELECT count(*) FROM workflow_runs WHERE kind = 'trial'")
    if begun:
        assert done.one("SELECT count(*) FROM counterparts") == N
        assert wave(done, "trial", "resume", str(begun[0]["run_id"])).returncode == 0
    else:
        assert trial(done) == 0
    assert done.one("SELECT count(*) FROM interactions WHERE NOT in_force AND state = 'completed'") == N
    assert set(done.items().values()) == {4}


@pytest.mark.parametrize("point", ["actors/approve", "experiments/adopt", f"experiments/adopt{crash_points.COMMIT}"])
def test_an_adoption_that_is_killed_is_finished_by_the_same_command(done: Ground, point: str):
    assert trial(done) == 0
    [number] = [str(row["run_id"]) for row in done.sql("SELECT run_id FROM experiments")]
    command = ("trial", "adopt", number, "--reason", "better", "--yes")
    assert wave(done, *command, **{crash_points.VARIABLE: point}).returncode == -signal.SIGKILL
    if done.one("SELECT adopted_by IS NULL FROM experiments"):
        assert wave(done, *command).returncode == 0
    assert (done.folder / "actors/count.py").read_text() == BETTER
    assert done.one("SELECT count(*) FROM interaction_events WHERE type = 'trial_adopted'") == 1
    assert done.sql("SELECT name FROM actors WHERE state = 'drifted'") == []


FEEDING = ("shadows/lock", "records/lock", "shadows/feed", "shadows/advance", f"shadows/feed{crash_points.COMMIT}")
# It goes on for as long as nobody is asked whether it is good.
LIVE = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: review}
review:
  human: reviewers
  form: schemas/form.json
  input: {text: record.text}
  route: {on: verdict, GOOD: note, BAD: end}
note: {actor: note, input: {verdict: review.verdict}, writes: [items.note], next: end}
"""
NOTE = script("ctx.write('items', {'note': item['verdict']})\nreturn {}")


@pytest.mark.parametrize("point", FEEDING)
def test_a_shadow_whose_runner_is_killed_while_it_is_fed_is_given_everything_once(ground: Ground, point: str):
    ground.project(rows=rows(N), steps=LIVE, actors={"note": NOTE}, files={"schemas/form.json": json.dumps(FORM)})
    assert ground.run() == "waiting"
    ground.write("better.py", BETTER)
    assert wave(ground, "shadow", "count", "--with", f"script={ground.folder / 'better.py'}").returncode == 0
    resume = ("shadow", "resume", "2")
    killed = wave(ground, *resume, **SETTINGS, **{crash_points.VARIABLE: point})
    assert killed.returncode == -signal.SIGKILL, f"{point} was never passed\n{killed.stderr}"
    given = sources(ground, 2)
    assert len(given) == ground.one("SELECT fed FROM experiments") == (N if crash_points.COMMIT in point else 0)
    decide(ground, N)
    assert wave(ground, "run", "work", "--resume", **SETTINGS).returncode == 0
    done = wave(ground, *resume, **SETTINGS)
    assert done.returncode == 0, done.stderr
    assert sorted(sources(ground, 2)) == [f"item {number:04}" for number in range(N)]
    assert ground.one("SELECT count(*) FROM interactions WHERE run_id = 2 AND state = 'completed'") == N
    assert set(ground.items().values()) == {4}
