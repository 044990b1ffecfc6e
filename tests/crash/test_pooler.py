"""Behind a pooler that gives each transaction another server connection, with fewer of them than are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.crash import workload
from tests.support.database import fresh_database
from tests.support.invariants import broken_invariants
from tests.support.openai_stub import OpenAIStub
from tests.support.pooler import pooler
from tests.support.projects import COUNT, Ground, rows
from tests.support.waiting import wait_until

SIZE = 3
HEARTBEATS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wave heartbeat' AND datname = current_database()"
)
OURS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'wave%%'"


def test_two_projects_share_a_small_pool_and_neither_meets_the_others_tables(
    session_database: str, migrated: str, tmp_path: Path
):
    """Both have tables of the same names, in schemas of their own: a session with a memory would mix them."""
    with (
        fresh_database(session_database, template=migrated) as url,
        OpenAIStub(tmp_path / "stub", workload.RULES, ["m"]) as stub,
        pooler(url, size=SIZE) as pooled,
    ):
        one = workload.write(Ground(folder=tmp_path / "one", url=url, admin_url=session_database), stub)
        other = Ground(folder=tmp_path / "other", url=url, admin_url=session_database).project(rows=rows(40))
        addresses = f"WAVE_DATABASE_URL={pooled}\nWAVE_DATABASE_DIRECT_URL={url}\n"
        one.write(".env", addresses)
        other.write(".env", f"{addresses}WAVE_SCHEMA=other\n")
        with (
            one.process("run", "work", **workload.SETTINGS) as running,
            one.process("runner", **workload.SETTINGS),
            other.process("run", "work", **workload.SETTINGS) as beside,
        ):
            wait_until(lambda: one.one(HEARTBEATS) == 3)
            assert one.one(OURS) <= 3 + SIZE
            assert beside.wait(workload.PATIENCE_S) == 0, beside.stderr.read()
            assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
        assert left_behind(pooled) == []
        workload.check(one)
        with psycopg.connect(url) as connection:
            counted = connection.execute("SELECT count(*), sum(words) FROM other.items").fetchone()
        assert counted == (40, 40 * 4)


# What somebody who comes through the pooler after us finds: settings of the session, and locks. Without those settings
# that begin anew with each transaction, and those that the pooler sets to what each client has.
LEFT_BEHIND = """
    SELECT name FROM pg_settings WHERE source = 'session' AND name !~ '^transaction_'
        AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')
    UNION ALL
    SELECT 'a lock' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    UNION ALL
    SELECT name FROM pg_prepared_statements
"""


@contextmanager
def strangers(pooled: str) -> Iterator[list[psycopg.Connection]]:
    """Others who have all the pooler's server connections, each in a transaction."""
    with ExitStack() as stack:
        others = [stack.enter_context(psycopg.connect(pooled)) for _ in range(SIZE)]
        for one in others:
            one.execute("SELECT 1")
        yield others


def left_behind(pooled: str) -> list[str]:
    with strangers(pooled) as others:
        return [name for one in others for (name,) in one.execute(LEFT_BEHIND)]


def test_processes_that_migrate_and_work_through_it_alone_leave_nothing_behind(session_database: str, tmp_path: Path):
    """Without an address past it: four begin at once, in a database that is empty."""
    with fresh_database(session_database) as url, pooler(url, size=SIZE) as pooled, ExitStack() as stack:
        ground = Ground(folder=tmp_path / "project", url=url, admin_url=session_database).project(rows=rows(20))
        ground.write(".env", f"WAVE_DATABASE_URL={pooled}\n")
        for _ in range(2):
            stack.enter_context(ground.process("runner", **workload.SETTINGS))
        begun = [stack.enter_context(ground.process("run", "work", **workload.SETTINGS)) for _ in range(2)]
        for running in begun:
            assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
        assert ground.one("SELECT max(heartbeat_at) > min(started_at) FROM runners")
        assert left_behind(pooled) == []


def test_a_pool_that_others_have_filled_costs_no_lease(session_database: str, migrated: str, tmp_path: Path):
    nap = COUNT.replace("        words =", "        __import__('time').sleep(0.1)\n        words =")
    held = "SELECT count(*) FROM waves WHERE closed_at IS NULL AND lease_expires_at > clock_timestamp()"
    later = f"SELECT clock_timestamp() - %s > interval '{3 * workload.LEASE_S} s'"
    with fresh_database(session_database, template=migrated) as url, pooler(url, size=SIZE) as pooled:
        ground = Ground(folder=tmp_path / "project", url=url, admin_url=session_database)
        ground.project(rows=rows(20), actors={"count": nap})
        ground.write(".env", f"WAVE_DATABASE_URL={pooled}\nWAVE_DATABASE_DIRECT_URL={url}\n")
        with ground.process("run", "work", **workload.SETTINGS) as running:
            wait_until(lambda: ground.one("SELECT to_regclass('items') IS NOT NULL"))
            wait_until(lambda: ground.states("count").get("running"))
            with strangers(pooled):
                began = ground.one("SELECT clock_timestamp()")
                wait_until(lambda: ground.one(later, began))
                assert ground.one(held) > 0
            assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
        assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'wave_expired'") == 0
        assert broken_invariants(url, lease_s=workload.LEASE_S) == {}


@pytest.mark.parametrize(
    "command", [("status",), ("doctor",), ("trace", "item 0001"), ("report", "steps"), ("db", "status")]
)
def test_every_report_comes_through_it(command: tuple[str, ...], session_database: str, migrated: str, tmp_path: Path):
    with fresh_database(session_database, template=migrated) as url, pooler(url, size=1) as pooled:
        ground = Ground(folder=tmp_path / "project", url=url, admin_url=session_database).project(rows=rows(3))
        ground.write(".env", f"WAVE_DATABASE_URL={pooled}\nWAVE_DATABASE_DIRECT_URL={url}\n")
        assert workload.wave(ground, "run", "work").returncode == 0
        said = workload.wave(ground, *command)
        assert said.returncode == 0, said.stdout + said.stderr
