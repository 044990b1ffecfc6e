"""A process is killed at statements that change anything, inside their transaction or after its COMMIT.

The points are the statements themselves, read from the store's folder: a new one is among them from the day it is
there, or named below with the reason why this workload does not come by.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.crash import workload
from tests.crash.points import PLACES, placed
from tests.support.invariants import broken_invariants
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, wait_until
from tests.support.selecting import TOML, fill, selecting

import wave_runner
from wave_runner import crash_points

SQL = Path(wave_runner.__file__).parent / "store/sql"
CHANGES = re.compile(
    r"^\s*(?:INSERT|UPDATE|DELETE|COPY(?! \())\b|FOR (?:NO KEY )?UPDATE|\b(?:INSERT INTO|DELETE FROM)\b", re.MULTILINE
)
STATEMENTS = sorted(
    str(path.relative_to(SQL).with_suffix(""))
    for path in SQL.rglob("*.sql")
    if CHANGES.search(path.read_text(encoding="utf-8")) and path.parent.name != "invariants"
)
"""Every statement that writes or locks."""


PEOPLE = ("tasks/ask", "tasks/claim", "tasks/lock", "tasks/decide", "tasks/close")
SWEEPING = ("waves/expired", "interactions/reclaim")
SELECTING = (
    *("fan_outs/add_selection", "fan_outs/lock_selection", "fan_outs/select_chunk", "fan_outs/advance_selection"),
    *("run_records/set_read_hashes", "schedules/lock", "schedules/fire", "schedules/advance"),
)
ORDERS = (
    *("control/cancel_runs", "control/pause_actor", "control/pause_run", "control/pause_workflow"),
    *("control/resume_actor", "control/resume_run", "control/resume_workflow", "control/tell_runner"),
    *("interactions/cancel", "interactions/unpark", "tasks/withdraw"),
)
RECALLING = ("answers/note_hits",)
RETRYING = (*("interactions/retry", "interactions/set_aside", "joins/reopen", "run_records/reopen", "runs/reopen"),)
REPAIRING = (
    *("reruns/add", "reruns/begin_anew", "reruns/judge_again", "reruns/keep_joins", "reruns/mark_undone"),
    *(
        "invalidations/add",
        "invalidations/apply",
        "reruns/restore",
        "reruns/seed",
        "reruns/supersede",
        "records/lock",
        "reruns/lock_records",
    ),
)
CANARIES = ("canaries/judged", "canaries/let_go")
STOPS = ("stops/remember", "stops/forget")
BATCHES = (
    *("staging/copy", "staging/reject", "staging/lock_rows", "staging/roll_back", "staging/judge_again"),
    *("staging_orders/add", "records/unsee", "batches/roll_back"),
)
WHOLE = (
    *("batches/declare", "batches/whole", "batches/vanishing", "batches/settle", "batches/judge", "batches/lock"),
    "records/vanish",
)
EXPERIMENTS = ("experiments/add", "experiments/adopt", "experiments/begin")
SHADOWS = ("shadows/lock", "shadows/feed", "shadows/advance")
DURATIONS = ("durations/add", "durations/fade", "durations/lock", "durations/sum_up")
BREAKERS = ("breakers/close", "breakers/count", "breakers/give_up", "breakers/lock", "breakers/open", "breakers/probe")
SEALING = ("log/add_checkpoint", "log/add_tiles", "log/advance", "log/append", "log/begin", "log/lock", "log/set_key")
ERASING = (
    *("erasures/lock", "erasures/lock_work", "erasures/unsettled", "erasures/contents", "erasures/payloads"),
    *("erasures/value_writes", "erasures/empty_value_writes", "erasures/rest", "erasures/finish"),
)
ACCESS = tuple(one for one in STATEMENTS if one.startswith(("access/", "sessions/", "requests/")))
ORDERING = ("drops/lock", "drops/close", "drops/approve", "drops/spans")
DROPPING = (
    *("drops/forget_answers", "drops/lock_range", "drops/lock_copies", "drops/forget_states", "drops/forget_counts"),
    *("drops/counts", "drops/drop_range"),
)
VIEWS = ("views/save", "views/remove")
PICKS = tuple(one for one in STATEMENTS if one.startswith("picks/"))
NOTICES = tuple(one for one in STATEMENTS if one.startswith("notices/"))
LOG_ORDERS = ("log/open_epoch", "log/stop", "log/tell_trouble")
PROJECTING = tuple(one for one in STATEMENTS if one.startswith("projections/"))
ELSEWHERE = {
    **dict.fromkeys(PROJECTING, "the projector's, and a person's orders: tests/crash/test_projector.py"),
    **dict.fromkeys(SEALING, "the sealer's: tests/crash/test_sealer.py"),
    **dict.fromkeys(VIEWS, "a person's command, or a question by HTTP: tests/api/test_views.py"),
    **dict.fromkeys(PICKS, "an order of a person: tests/api/test_picks.py"),
    **dict.fromkeys(NOTICES, "a project that tells of alerts: tests/runner/test_notices.py"),
    **dict.fromkeys(LOG_ORDERS, "a fork, a full disk, an order of a person: tests/runner/test_sealer.py"),
    "accounts/rest": "a server that wants to be left alone: tests/runner/test_shared_limits.py",
    **dict.fromkeys(BREAKERS, "a server that fails: tests/runner/test_breakers.py"),
    **dict.fromkeys(RETRYING, "an order of a person: tests/runner/test_retry.py"),
    **dict.fromkeys(REPAIRING, "an order of a person: tests/crash/test_repair.py"),
    **dict.fromkeys(CANARIES, "a run with a canary: tests/crash/test_canary.py"),
    **dict.fromkeys(STOPS, "a step with a stop: tests/crash/test_canary.py"),
    **dict.fromkeys(BATCHES, "an order of a person: tests/crash/test_batches.py"),
    **dict.fromkeys(WHOLE, "a source that is read whole: tests/crash/test_batches.py"),
    **dict.fromkeys(EXPERIMENTS, "an order of a person: tests/runner/test_trial.py, tests/runner/test_experiments.py"),
    **dict.fromkeys(SHADOWS, "a shadow of a run: tests/crash/test_experiments.py"),
    **dict.fromkeys(DURATIONS, "twenty attempts, or five seconds"),
    "waves/claim_overdue": "work that waits too long: tests/runner/test_patience.py",
    "actors/approve": "a person's command",
    "actors/lock": "a person's command",
    "actors/drift": "a folder that changes",
    "actors/tighten": "a folder whose policy becomes stricter: tests/runner/test_drift_policy.py",
    "alerts/raise": "a run that ends oddly",
    **dict.fromkeys(ORDERS, "an order of a person: tests/runner/test_orders.py"),
    "alerts/withdraw": "an order of a person: tests/runner/test_ledger.py",
    "ledger/grant": "an order of a person: tests/runner/test_ledger.py",
    "events/try_change": "the demo's",
    **dict.fromkeys(ERASING, "two people's order: tests/crash/test_erasing.py"),
    **dict.fromkeys(("erasures/request", "erasures/withdraw"), "an order of a person: tests/audit/test_erasure.py"),
    **dict.fromkeys(
        ("retention/payloads", "retention/interactions", "retention/staged"),
        "an order of a person: tests/audit/test_retention.py",
    ),
    **dict.fromkeys(
        [one for one in (*ORDERING, *DROPPING) if one in STATEMENTS], "two people's order: tests/crash/test_dropping.py"
    ),
    **dict.fromkeys(("drops/request", "drops/withdraw"), "an order of a person: tests/audit/test_dropping.py"),
    **dict.fromkeys(("holds/place", "holds/release"), "an order of a person: tests/audit/test_erasure.py"),
    **dict.fromkeys(ACCESS, "a person's command, or a question by HTTP: tests/api/test_access.py"),
    "fan_outs/fail_selection": "a query that the database refuses",
    **dict.fromkeys(
        ("run_sums/note", "run_sums/put", "interim_sums/take", "interim_sums/put"),
        "a run that is large: tests/reports/test_run_sums.py",
    ),
    "interactions/add_children": "an `on_quarantine` of what kills its runner",
    "interactions/add_skipped": "a step before a join fails",
    "interactions/doubt": "one text for many records",
    "interactions/handle": "an `on_quarantine` of what kills its runner",
    "runners/beat": "the heartbeat has a connection of its own: only the soak meets it",
    "schedules/block": "a schedule that cannot be fired",
    "schedules/put": "a folder whose schedules change",
    "schedules/retire": "a folder whose schedules change",
    "servers/disown": "a model server of our own",
    "servers/own": "a model server of our own",
    "servers/renew": "the heartbeat's",
    "tasks/escalate": "a task that is overdue",
    "tasks/keep": "a draft",
    "tasks/release": "a claim that is given back",
    "waves/renew": "the heartbeat's",
    "weights/drift": "a model that is pulled anew: tests/runner/test_drift_weights.py",
    "weights/restore": "a model that is pulled anew: tests/runner/test_drift_weights.py",
    "weights/register": "a server that says which weights it has: tests/runner/test_drift_weights.py",
    "workflows/approve": "a person's command",
    "workflows/drift": "a folder that changes",
    "workflows/tighten": "a folder whose policy becomes stricter",
}
"""Statements that no run here comes by, each with what it would take."""

POINTS = [one for one in STATEMENTS if one not in {*ELSEWHERE, *PEOPLE, *SWEEPING, *SELECTING, *RECALLING}]
ACTING = ["scripts/returned", "models/loaded", "models/answered"]


@contextmanager
def ready(admin_url: str, template: str, folder: Path, *, asks: bool = False) -> Iterator[Ground]:
    """Give the workload on a database and beside a model server of its own."""
    from tests.support.database import fresh_database

    with (
        fresh_database(admin_url, template=template) as url,
        OpenAIStub(folder / "stub", workload.RULES, ["m"]) as stub,
    ):
        yield workload.write(Ground(folder=folder / "project", url=url, admin_url=admin_url), stub, asks=asks)


def test_the_workload_by_itself(session_database: str, migrated: str, tmp_path: Path):
    with ready(session_database, migrated, tmp_path, asks=True) as ground:
        assert workload.work(ground).returncode == 6
        assert workload.decide(ground).returncode == 0
        assert workload.work(ground).returncode == 0
        workload.check(ground, asks=True)


def dies_at(point: str, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == -signal.SIGKILL, f"{point} was never passed\n{done.stderr}"


def test_what_is_not_hit_here_is_a_statement_still():
    assert {*ELSEWHERE, *PEOPLE, *SWEEPING, *SELECTING, *RECALLING} <= {*STATEMENTS}
    assert len(POINTS) + len(PEOPLE) + len(SWEEPING) + len(SELECTING) + len(RECALLING) > 50


@pytest.mark.parametrize("point", [*placed(POINTS, every=3), *ACTING])
def test_a_run_goes_on_after_a_kill_at(point: str, session_database: str, migrated: str, tmp_path: Path):
    with ready(session_database, migrated, tmp_path) as ground:
        dies_at(point, workload.work(ground, **{crash_points.VARIABLE: point}))
        if workload.state(ground) != "completed":
            done = workload.work(ground)
            assert done.returncode == 0, done.stderr
        workload.check(ground)


@pytest.mark.parametrize("point", placed(SWEEPING))
def test_a_sweeper_that_dies_leaves_what_the_next_one_sweeps(
    point: str, session_database: str, migrated: str, tmp_path: Path
):
    with ready(session_database, migrated, tmp_path) as ground:
        dies_at("the start", workload.work(ground, **{crash_points.VARIABLE: "interactions/start+commit:3"}))
        dies_at(point, workload.work(ground, **{crash_points.VARIABLE: point}))
        done = workload.work(ground)
        assert done.returncode == 0, done.stderr
        workload.check(ground)


@pytest.mark.parametrize("point", placed(PEOPLE))
def test_a_decision_is_made_once_or_not_at_all(point: str, session_database: str, migrated: str, tmp_path: Path):
    with ready(session_database, migrated, tmp_path, asks=True) as ground:
        if point.startswith("tasks/ask"):
            dies_at(point, workload.work(ground, **{crash_points.VARIABLE: point}))
        done = workload.work(ground)
        assert done.returncode == 6, done.stderr
        if not point.startswith("tasks/ask"):
            dies_at(point, workload.decide(ground, **{crash_points.VARIABLE: point}))
        if ground.states("ticket") == {"waiting": 1}:
            done = workload.decide(ground)
            assert done.returncode == 0, done.stderr
        done = workload.work(ground)
        assert done.returncode == 0, done.stderr
        workload.check(ground, asks=True)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("statement", RECALLING)
def test_what_was_answered_before_is_asked_of_nobody_though_a_runner_dies_over_it(
    statement: str, place: str, session_database: str, migrated: str, tmp_path: Path
):
    with ready(session_database, migrated, tmp_path) as ground:
        assert workload.work(ground).returncode == 0
        calls = ground.one("SELECT count(*) FROM payloads WHERE role = 'request'")
        ground.sql("DELETE FROM items")
        dies_at(statement, workload.wave(ground, "run", "work", **{crash_points.VARIABLE: statement + place}))
        done = workload.wave(ground, "run", "work", "--resume")
        assert done.returncode == 0, done.stderr
        assert ground.one("SELECT count(*) FROM hits WHERE run_id = 2") == workload.N
        assert ground.one("SELECT count(*) FROM payloads WHERE role = 'request'") == calls
        assert broken_invariants(ground.url, lease_s=workload.LEASE_S) == {}


HOURLY = '[schedules.hourly]\nworkflow = "work"\ncron = "0 * * * *"\ncatch_up = "once"\n'


@pytest.mark.parametrize("point", placed(SELECTING))
def test_a_schedule_starts_one_run_that_selects_each_row_once(point: str, ground: Ground):
    selecting(ground, toml=TOML + HOURLY, ensures=["record.words == 4"])
    fill(ground, 3)
    ground.sql("UPDATE schedules SET next_at = date_trunc('hour', clock_timestamp()) - interval '1 hour'")
    with ground.process("runner", **workload.SETTINGS, **{crash_points.VARIABLE: point}) as dead:
        assert dead.wait(workload.PATIENCE_S) == -signal.SIGKILL, point
    with ground.process("runner", **workload.SETTINGS):
        wait_until(lambda: workload.state(ground) == "completed")
    assert ground.one("SELECT count(*) FROM workflow_runs") == ground.one("SELECT count(*) FROM firings") == 1
    assert ground.items() == {"item 1": 4, "item 2": 4, "item 3": 4}
    assert ground.one("SELECT count(*) FROM value_writes") == 3
