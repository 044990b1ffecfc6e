"""A database that throws its clients out, or lets nobody in: everybody comes back by himself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.crash import workload
from tests.crash.test_crash_points import ready
from tests.support.projects import Ground, wait_until

OURS = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'wave%%'"


@pytest.fixture
def one(session_database: str, migrated: str, tmp_path: Path) -> Iterator[Ground]:
    with ready(session_database, migrated, tmp_path) as ground:
        yield ground


@pytest.fixture
def admin(one: Ground) -> Iterator[psycopg.Connection]:
    with psycopg.connect(one.admin_url, autocommit=True) as connection:
        yield connection


def name_of(ground: Ground) -> str:
    return ground.one("SELECT current_database()")


def throw_out(admin: psycopg.Connection, database: str) -> int:
    """End every connection of ours; return how many there were."""
    return len(admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({OURS}) AS ours", [database]).fetchall())


def test_connections_that_are_ended_again_and_again_cost_nothing_but_time(one: Ground, admin: psycopg.Connection):
    database = name_of(one)
    with one.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: workload.state(one) == "running")
        thrown_out = 0
        for _ in range(10):
            there = lambda: admin.execute(OURS, [database]).fetchall() or running.poll() is not None  # noqa: E731
            wait_until(there)
            thrown_out += throw_out(admin, database)
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    assert thrown_out > 3
    workload.check(one)


def test_a_database_that_lets_nobody_in_for_three_leases_is_waited_for(one: Ground, admin: psycopg.Connection):
    database = name_of(one)
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with one.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: workload.state(one) == "running")
        wait_until(lambda: one.one("SELECT count(*) FROM waves") > 1)
        admin.execute(limit.format(sql.Identifier(database), sql.Literal(0)))
        throw_out(admin, database)
        [began] = admin.execute("SELECT clock_timestamp()").fetchone()
        late = f"SELECT clock_timestamp() - %s > interval '{3 * workload.LEASE_S} s'"
        wait_until(lambda: admin.execute(late, [began]).fetchone() == (True,))
        assert admin.execute(OURS, [database]).fetchall() == []
        admin.execute(limit.format(sql.Identifier(database), sql.Literal(-1)))
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    workload.check(one)


# What the server answers instead of doing it, and what it would do a moment later

TROUBLE = """
CREATE SEQUENCE trouble;
CREATE FUNCTION give_trouble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('trouble') <= 4 THEN
        RAISE EXCEPTION 'not now' USING ERRCODE = '%s';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER give_trouble BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION give_trouble();
"""


@pytest.mark.parametrize(
    "code",
    ["40001", "40P01", "53100", "53200", "55P03"],
    ids=["serialization failure", "deadlock", "disk full", "out of memory", "lock timeout"],
)
def test_what_the_database_cannot_do_just_now_is_done_later_and_charged_to_no_record(one: Ground, code: str):
    with one.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: one.one("SELECT to_regclass('items') IS NOT NULL") and workload.state(one) == "running")
        one.sql(TROUBLE % code)
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    assert one.one("SELECT last_value FROM trouble") > 4
    charged = "SELECT count(*) FROM interactions JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) "
    assert one.one(f"{charged} WHERE s.name = 'save' AND errors > 0") == 0
    workload.check(one)


DEADLY = """
CREATE FUNCTION want_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    RETURN NULL;
END $$;
CREATE TRIGGER want_another AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION want_another();
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 1"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def test_a_transaction_that_is_chosen_to_end_a_deadlock_is_made_again(one: Ground, admin: psycopg.Connection):
    """Somebody holds what a saver wants, and then wants the rows that the saver holds. The saver looks first."""
    admin.execute(sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '500ms'").format(sql.Identifier(name_of(one))))
    with one.superuser() as somebody, one.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: one.one("SELECT to_regclass('items') IS NOT NULL") and workload.state(one) == "running")
        one.sql(DEADLY)
        somebody.execute("SET deadlock_timeout = '1h'")
        somebody.execute("SELECT pg_advisory_xact_lock(1)")
        wait_until(lambda: one.one(WAITS) > 0)
        somebody.execute("SELECT FROM wave.items FOR UPDATE")
        somebody.commit()
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
        wait_until(lambda: one.one(DEADLOCKS) > 0)
    workload.check(one)


def test_a_runner_that_finds_no_connection_says_so(one: Ground, admin: psycopg.Connection):
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    database = sql.Identifier(name_of(one))
    admin.execute(limit.format(database, sql.Literal(0)))
    said = workload.wave(one, "runner")
    admin.execute(limit.format(database, sql.Literal(-1)))
    assert said.returncode == 3
    assert "too many connections" in said.stderr
    assert "do: others hold all the connections" in said.stderr
    assert "Traceback" not in said.stderr


# What really takes a lock, an end or a place from us, for a while

WAITING = """
    SELECT pid, xact_start FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND starts_with(application_name, 'wave')
"""
PATIENT = "\n[scripts.hand]\ntimeout_s = 4\n"  # and half of that for a lock


def test_a_table_that_somebody_locks_for_longer_than_we_wait_is_waited_for(one: Ground):
    toml = one.folder / "wave.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + PATIENT, encoding="utf-8")
    seen: set[tuple[object, ...]] = set()

    def has_given_up(times: int) -> bool:
        waiting = {tuple(row.values()) for row in one.sql(WAITING)}
        seen.update(waiting)
        return len(seen - waiting) >= times

    with one.superuser() as somebody, one.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: one.one("SELECT to_regclass('items') IS NOT NULL"))
        wait_until(lambda: one.one("SELECT count(*) FROM items") > 0)
        somebody.execute("LOCK TABLE wave.items IN SHARE MODE")
        # What is refused is found by halving: so often that a record of the four would stand alone by then.
        wait_until(lambda: has_given_up(4))
        somebody.commit()
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    workload.check(one)


HANGS = """
CREATE SEQUENCE hangs;
CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('hangs') <= 3 THEN
        PERFORM pg_sleep(600);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hang BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION hang();
"""
HANGING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


def cancel(ground: Ground) -> bool:
    """Cancel what hangs; whether nothing will hang any more."""
    ground.sql(f"SELECT pg_cancel_backend(pid) FROM ({HANGING}) AS hanging")
    return ground.one("SELECT last_value FROM hangs") > 3


def test_a_statement_that_somebody_cancels_is_made_again_and_charged_to_no_record(one: Ground):
    with one.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: one.one("SELECT to_regclass('items') IS NOT NULL") and workload.state(one) == "running")
        one.sql(HANGS)
        wait_until(lambda: cancel(one) or running.poll() is not None)
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    workload.check(one)


def test_a_database_that_lets_only_two_in_for_three_leases_is_lived_with(one: Ground, admin: psycopg.Connection):
    """The pool and the heartbeat want more than that: they take turns, lose leases, and go on when there is room."""
    database = name_of(one)
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with (
        one.process("run", "work", **workload.SETTINGS) as running,
        one.process("runner", **workload.SETTINGS) as beside,
    ):
        wait_until(lambda: workload.state(one) == "running")
        wait_until(lambda: one.one("SELECT count(*) FROM waves") > 1)
        admin.execute(limit.format(sql.Identifier(database), sql.Literal(2)))
        throw_out(admin, database)
        [began] = admin.execute("SELECT clock_timestamp()").fetchone()
        late = f"SELECT clock_timestamp() - %s > interval '{3 * workload.LEASE_S} s'"
        wait_until(lambda: admin.execute(late, [began]).fetchone() == (True,))
        assert len(admin.execute(OURS, [database]).fetchall()) <= 2
        admin.execute(limit.format(sql.Identifier(database), sql.Literal(-1)))
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
        assert beside.poll() is None, beside.stderr.read()
        beside.terminate()
        beside.wait(workload.PATIENCE_S)
    workload.check(one)
