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
