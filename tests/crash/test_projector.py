"""A runner is killed while it folds, and a command while it folds anew: what is read is always what the log says."""

from __future__ import annotations

import itertools
import signal

import pytest
from tests.crash.points import PLACES, chosen
from tests.crash.test_crash_points import STATEMENTS
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, rows

FOLDING = [
    *(f"projections/{name}{place}" for name in ("begin", "lock", "fold_record_states", "advance") for place in PLACES),
    *(f"projections/{name}:2" for name in ("fold_record_states", "advance+commit")),
]
VERIFYING = [
    f"projections/{name}{place}" for name in ("begin", "advance", "lock_both", "retire", "verified") for place in PLACES
]
REBUILDING = [
    f"projections/{name}{place}"
    for name, place in itertools.product(("swap", "verified", "clear_rows", "clear_counts", "clear"), PLACES)
]


@pytest.fixture
def ready(ground: Ground) -> Ground:
    ground.project(rows=rows(300), ensures=["record.words == 4"])
    return ground


def copies(ground: Ground) -> list[str]:
    return [row["state"] for row in ground.sql("SELECT state FROM projections ORDER BY projection_id")]


def behind(ground: Ground) -> int:
    return ground.one("SELECT (SELECT next_index FROM log_state) - position FROM projections WHERE state = 'live'")


@pytest.mark.parametrize("point", chosen(FOLDING))
def test_what_is_folded_is_what_the_log_says_after_a_kill_at(point: str, ready: Ground):
    ready.start()
    with ready.process("run", "work", "--resume", WAVE_CRASH_AT=point, WAVE_LEASE_S="1") as killed:
        assert killed.wait() == -signal.SIGKILL, f"{point} was never passed"
    # At this moment too, with runs and interactions under way.
    assert "I16" not in broken_invariants(ready.url)
    unfinished = ready.one("SELECT count(*) FROM workflow_runs WHERE state = 'running'")
    with ready.process("run", "work", *(["--resume"] if unfinished else []), WAVE_LEASE_S="1") as resumed:
        assert resumed.wait() == 0
    assert behind(ready) == 0
    assert copies(ready) == ["live"]


@pytest.mark.parametrize(
    ("command", "point"),
    [*(("verify", point) for point in chosen(VERIFYING)), *(("rebuild", point) for point in chosen(REBUILDING))],
)
def test_a_fold_anew_goes_on_after_a_kill_at(command: str, point: str, ready: Ground):
    assert ready.run() == "completed"
    with ready.process("projection", command, "record_states", WAVE_CRASH_AT=point) as killed:
        assert killed.wait() == -signal.SIGKILL, f"{point} was never passed"
    assert copies(ready).count("live") == 1
    assert broken_invariants(ready.url) == {}
    with ready.process("projection", command, "record_states") as again:
        assert again.wait() == 0
    assert copies(ready) == ["live"]
    assert ready.one("SELECT count(DISTINCT projection_id) FROM record_states") == 1


def test_every_statement_that_changes_a_projection_is_such_a_point():
    hit = {point.split("+")[0].split(":")[0] for point in (*FOLDING, *VERIFYING, *REBUILDING)}
    assert hit == {one for one in STATEMENTS if one.startswith("projections/")}
