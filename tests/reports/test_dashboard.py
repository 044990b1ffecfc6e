"""The dashboard's numbers, counted once more by plain SQL on the tables of work."""

import asyncio

import pytest

from wave_runner.core.patience import STALE_LEAST_S
from wave_runner.errors import DatabaseError, NotFoundError
from wave_runner.reports import live
from wave_runner.reports.dashboard import dashboard
from wave_runner.reports.incomplete import incomplete
from wave_runner.reports.stale import stale
from wave_runner.reports.throughput import throughput
from wave_runner.store import reports, run_sums, runs
from wave_runner.store.database import Database

pytest_plugins = ["tests.support.database", "tests.support.counted_run"]


def ask(url, question):
    """Return what an async question about an open database answers."""

    async def answer():
        database = Database(url, schema="wave", size=2)
        await database.open()
        try:
            return await question(database)
        finally:
            await database.close()

    return asyncio.run(answer())


def ask_snapshot(url, question):
    async def answer(database):
        async with reports.snapshot(database) as connection:
            return await question(connection)

    return ask(url, answer)


def board(run, **options):
    return ask(run.url, lambda database: dashboard(database, **options))


def test_the_whole_run_is_counted_as_the_tables_count_it(counted):
    overall = board(counted).overall
    by_state = dict(counted.sql("SELECT state::text, count(*) FROM interactions WHERE run_id = 1 GROUP BY 1"))
    assert overall.interactions.by_state == by_state == {"completed": 5, "failed": 1, "quarantined": 1}
    assert overall.interactions.total == 7
    staged = dict(counted.sql("SELECT state, count(*) FROM staged_records WHERE run_id = 1 GROUP BY 1"))
    assert {"promoted": overall.staging.promoted, "rejected": overall.staging.rejected} == staged
    assert overall.staging.total == sum(staged.values()) == 7
    records = dict(counted.sql("SELECT state, count(*) FROM run_records WHERE run_id = 1 GROUP BY 1"))
    assert {"completed": overall.records.completed, "incomplete": overall.records.incomplete} == records
    assert overall.records.total == 5
    assert (overall.run.run_id, overall.run.workflow, overall.run.state) == (1, "count", "failed")


def test_a_record_is_completed_by_its_verdict_and_not_by_its_last_step(counted_copy):
    counted_copy.sql(
        "UPDATE run_records SET state = 'ended', settled_at = NULL, broken = NULL WHERE state = 'completed'"
    )
    records = board(counted_copy).overall.records
    assert (records.completed, records.ended, records.incomplete, records.total) == (0, 3, 2, 5)


def test_counts_are_the_same_before_and_after_folding(counted_copy):
    before = board(counted_copy)
    unfolded = "INSERT INTO count_deltas (run_id, run_step_id, state, delta) VALUES (1, %s, 'pending', %s)"
    step = counted_copy.sql("SELECT max(run_step_id) FROM run_steps")[0][0]
    counted_copy.sql(unfolded, step, 4)
    counted_copy.sql(unfolded, step, -1)
    waiting = board(counted_copy)
    ask(counted_copy.url, runs.fold_counts)
    assert counted_copy.sql("SELECT count(*) FROM count_deltas") == [(0,)]
    folded = board(counted_copy)
    assert "pending" not in before.overall.interactions.by_state
    assert waiting.overall.interactions.by_state["pending"] == 3
    assert folded.overall.interactions == waiting.overall.interactions
    assert folded.steps == waiting.steps


def test_steps_stand_in_the_order_of_the_file_with_their_rates_and_times(counted):
    steps = board(counted).steps
    assert [step.step for step in steps] == ["fetch", "check", "count"]
    count = steps[-1]
    assert count.states == {"completed": 3, "failed": 1, "quarantined": 1}
    assert (count.total, count.finished, count.success_percent, count.retries) == (5, 5, 60.0, 1)
    times = [
        us
        for (us,) in counted.sql(
            "SELECT service_us FROM interactions JOIN run_steps USING (run_step_id) JOIN steps USING (step_id)"
            " WHERE name = 'count' AND started_at IS NOT NULL ORDER BY 1"
        )
    ]
    assert len(times) == 4
    assert count.average_us == pytest.approx(sum(times) / 4)
    assert count.median_us == pytest.approx((times[1] + times[2]) / 2)


def test_a_step_that_nothing_has_reached_is_shown_with_zeros(counted_copy):
    counted_copy.sql("DELETE FROM count_deltas")
    counted_copy.sql("DELETE FROM counts")
    steps = board(counted_copy).steps
    assert [(step.step, step.total, step.success_percent) for step in steps] == [
        ("fetch", 0, None),
        ("check", 0, None),
        ("count", 0, None),
    ]


def test_an_actor_answers_for_its_executions_and_not_for_what_its_contract_stopped(counted):
    actor = board(counted).actors[0]
    assert actor.actor == "count_words"
    assert (actor.executions, actor.retries, actor.completed, actor.broken) == (5, 1, 3, 1)
    assert actor.success_percent == 75.0
    assert 0 < actor.min_us <= actor.average_us <= actor.max_us


def test_errors_are_grouped_by_kind_and_listed_newest_first(counted):
    errors = board(counted).errors
    kinds = {(one.step, one.state, one.error_class, one.rule): (one.n, one.retries) for one in errors.patterns}
    assert kinds == {
        ("count", "failed", "transient", None): (1, 1),
        ("count", "quarantined", "invalid_output", "require"): (1, 0),
    }
    assert [one.key for one in errors.recent] == ["bomb", "short"]
    assert "told to fail" in errors.recent[0].error
    assert errors.recent[0].traceback.startswith("Traceback (most recent call last):\n")
    assert "in process" in errors.recent[0].traceback
    assert errors.recent[1].traceback is None


def test_what_waits_for_another_try_is_a_kind_of_its_own(counted_copy):
    again = "UPDATE interactions SET state = 'pending', wave_id = NULL, finished_at = NULL WHERE state = 'failed'"
    counted_copy.sql(again)
    states = {(one.state, one.error_class) for one in board(counted_copy).errors.patterns}
    assert states == {("retrying", "transient"), ("quarantined", "invalid_output")}


def test_a_rejected_row_stands_under_every_rule_it_broke(counted):
    found = {(one.rule, one.field): one.staged_rows for one in board(counted).rejections}
    assert found == {("missing", "text"): 2, ("missing", "name"): 1}


def test_a_rule_is_shown_with_what_it_said_of_a_row(counted):
    said = {one.rule + " " + one.field: one.message for one in board(counted).rejections}
    assert said == {"missing text": "text must be a text", "missing name": "name must be a text"}


def test_an_incomplete_record_stands_under_everything_that_it_lacks(counted):
    found = board(counted).incomplete
    assert {one.reason: (one.records, one.example) for one in found.reasons} == {
        "record.words != null: does not hold": (2, "bomb"),
        "items.words: not written by this run": (2, "bomb"),
        "count failed: transient": (1, "bomb"),
        "count quarantined: require": (1, "short"),
    }
    assert found.total == 4


def test_of_many_reasons_the_most_frequent_are_shown(counted):
    found = ask_snapshot(counted.url, lambda connection: incomplete(connection, 1, limit=1))
    assert [(one.records, found.total) for one in found.reasons] == [(2, 4)]


def test_nothing_of_a_run_in_good_order_is_stale(counted):
    assert board(counted).stale.total == 0


def hold(run, *, lease, started):
    """Have a wave hold one interaction, with its lease and its start moved against now."""
    run.sql(
        "UPDATE waves SET closed_at = NULL, lease_expires_at = clock_timestamp() + %s::interval"
        " WHERE wave_id = (SELECT max(wave_id) FROM waves)",
        lease,
    )
    run.sql(
        "UPDATE interactions SET state = 'running', finished_at = NULL, started_at = clock_timestamp() - %s::interval"
        " WHERE wave_id = (SELECT max(wave_id) FROM waves) AND state = 'failed'",
        started,
    )
    run.sql(
        "INSERT INTO claimed (wave_id, interaction_id, run_id)"
        " SELECT wave_id, interaction_id, run_id FROM interactions WHERE state = 'running'"
    )


@pytest.mark.parametrize(
    ("lease", "started", "reasons"),
    [
        ("-1 second", "1 minute", ["lease_expired"]),
        ("30 seconds", "31 minutes", ["running_long"]),
        ("30 seconds", "29 minutes", []),
    ],
)
def test_stale_is_a_lease_that_ran_out_or_a_try_beyond_the_threshold(counted_copy, lease, started, reasons):
    hold(counted_copy, lease=lease, started=started)
    found = board(counted_copy).stale
    assert [one.reason for one in found.oldest] == reasons
    assert found.total == len(reasons)
    assert [one.key for one in found.oldest] == ["bomb"] * len(reasons)


def measure(run, *, samples, p99_s, wave_size=1, actor="script"):
    """Have so many attempts of every queue measured; the newest wave was begun with so many records."""
    run.sql("UPDATE queues SET samples = %s, p99_s = %s", samples, p99_s)
    run.sql("UPDATE waves SET size = %s WHERE wave_id = (SELECT max(wave_id) FROM waves)", wave_size)
    run.sql("UPDATE actors SET kind = %s WHERE name = 'count_words'", actor)


def test_what_runs_longer_than_was_asked_for_is_stale_whatever_is_measured(counted_copy):
    hold(counted_copy, lease="30 seconds", started="3 minutes")
    measure(counted_copy, samples=20, p99_s=3600)
    asked = ask_snapshot(counted_copy.url, lambda connection: stale(connection, 1, older_than_s=120))
    assert (asked.total, asked.older_than_s) == (1, 120)
    assert asked.oldest[0].threshold_s == 120
    assert asked.oldest[0].running_s >= 180
    patient = ask_snapshot(counted_copy.url, lambda connection: stale(connection, 1, older_than_s=240))
    assert patient.total == 0


@pytest.mark.parametrize(
    ("measured", "threshold_s"),
    [
        ({"samples": 20, "p99_s": 60.0}, 60.0),
        ({"samples": 20, "p99_s": 7200.0}, None),
        ({"samples": 19, "p99_s": 60.0}, 1800.0),
        ({"samples": 20, "p99_s": 60.0, "wave_size": 30}, 1800.0),
        ({"samples": 20, "p99_s": 60.0, "wave_size": 40}, None),
        ({"samples": 20, "p99_s": 60.0, "wave_size": 40, "actor": "ai_model"}, 60.0),
        ({"samples": 20, "p99_s": 0.000_1}, STALE_LEAST_S),
    ],
    ids=["measured", "slow", "too few", "a wave's share", "within a wave's share", "a model's", "fast"],
)
def test_each_step_is_overdue_by_its_own_measure(counted_copy, measured, threshold_s):
    """It runs for 31 minutes; a wave of a script is begun as a whole, and done one record after the other."""
    hold(counted_copy, lease="30 seconds", started="31 minutes")
    measure(counted_copy, **measured)
    found = board(counted_copy).stale
    assert found.older_than_s is None
    assert [one.threshold_s for one in found.oldest] == ([] if threshold_s is None else [threshold_s])
    assert [one.reason for one in found.oldest] == ["running_long"] * found.total


def test_throughput_counts_what_ended_in_its_window_and_says_when(counted_copy):
    counted_copy.sql(
        "UPDATE interactions SET created_at = created_at - interval '3 hours', started_at = NULL,"
        " finished_at = finished_at - interval '3 hours' WHERE state = 'quarantined'"
    )
    counted_copy.sql("UPDATE workflow_runs SET started_at = started_at - interval '4 hours'")
    for_hours = ask_snapshot(
        counted_copy.url, lambda connection: throughput(connection, 1, window_s=6 * 3600, bucket_s=3600)
    )
    assert for_hours.finished == sum(bucket.finished for bucket in for_hours.buckets) == 7
    assert sorted(bucket.completed for bucket in for_hours.buckets)[0] == 0
    assert for_hours.window_s == pytest.approx(4 * 3600, abs=60)
    for_one = ask_snapshot(counted_copy.url, lambda connection: throughput(connection, 1))
    assert (for_one.finished, for_one.window_s) == (6, 3600)
    assert for_one.per_minute == 0.1


def test_throughput_of_a_run_in_which_nothing_ended_is_nothing(counted_copy):
    counted_copy.sql(
        "UPDATE workflow_runs SET started_at = ended_at + interval '1 hour', ended_at = ended_at + interval '2 hours'"
    )
    found = ask_snapshot(counted_copy.url, lambda connection: throughput(connection, 1))
    assert (found.finished, found.per_minute, found.buckets) == (0, 0.0, [])


VISIT = (
    "WITH visit AS (INSERT INTO visits (runner_id, server, model, digest, loaded, load_us, opened_at)"
    " SELECT runner_id, 'local', 'tiny', '', %s, 1000, r.started_at + %s::interval"
    " FROM runners CROSS JOIN workflow_runs r LIMIT 1 RETURNING visit_id, runner_id)"
    " INSERT INTO waves (runner_id, runner_seq, queue_id, visit_id, size, lease_expires_at, closed_at)"
    " SELECT runner_id, 1000 + visit_id, %s, visit_id, 1, now(), now() FROM visit"
)


def test_only_loads_during_the_run_for_its_own_queues_count(counted_copy):
    queue = counted_copy.sql("SELECT max(queue_id) FROM run_steps")[0][0]
    other = counted_copy.sql(
        "INSERT INTO queues (work_key, template, lane, actor_id)"
        " SELECT 'other', '', 'scripts', min(actor_id) FROM actors RETURNING queue_id"
    )[0][0]
    for loaded, at, queue_id in [
        (True, "1 ms", queue),
        (True, "2 ms", queue),
        (False, "3 ms", queue),  # it was resident
        (True, "4 ms", other),
        (True, "-1 hour", queue),
        (True, "1 hour", queue),
    ]:
        counted_copy.sql(VISIT, loaded, at, queue_id)
    overall = board(counted_copy).overall
    assert (overall.model_loads, overall.model_load_us) == (2, 2000)
    assert ask(counted_copy.url, lambda database: live.model_loads(database, 1)) == 2


def test_the_newest_run_is_shown_unless_one_is_named(counted_copy):
    counted_copy.sql(
        "INSERT INTO workflow_runs (run_id, workflow_id, definition_id, params, priority, correlation_id, started_by)"
        " SELECT 2, workflow_id, definition_id, '{\"a\": 1}', 0, gen_random_uuid(), 'test' FROM workflow_runs"
    )
    newest = board(counted_copy).overall
    assert (newest.run.run_id, newest.run.state, newest.run.params) == (2, "running", {"a": 1})
    assert newest.interactions.total == 0
    assert board(counted_copy, run_id=1).overall.run.run_id == 1


def test_a_run_that_is_not_there_is_an_error_that_says_so(counted):
    with pytest.raises(NotFoundError, match="there is no run 9"):
        board(counted, run_id=9)


def test_a_report_is_read_at_one_moment_whatever_is_written_meanwhile(counted_copy):
    async def question(database):
        async with reports.snapshot(database) as connection:
            first = await run_sums.sums(connection, 1)
            counted_copy.sql("UPDATE run_records SET state = 'ended', settled_at = NULL WHERE state = 'completed'")
            return first, await run_sums.sums(connection, 1)

    before, after = ask(counted_copy.url, question)
    assert before.records["completed"] == after.records["completed"] == 3
    assert board(counted_copy).overall.records.completed == 0


def test_a_database_that_goes_away_is_an_error_for_people(counted_copy):
    async def question(database):
        async with reports.snapshot(database) as connection:
            counted_copy.as_superuser(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await reports.overall(connection, 1)

    with pytest.raises(DatabaseError, match="stopped answering"):
        ask(counted_copy.url, question)
