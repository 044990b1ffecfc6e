"""A new version is rolled out: runners of the old one refuse its schema, and a migration that dies leaves nothing."""

from __future__ import annotations

import re
import signal
import subprocess

import psycopg
from tests.crash import workload
from tests.support.invariants import broken_invariants
from tests.support.projects import SCHEMA, Ground, rows, wait_until

from wave_runner.store import migrate

NEWER = "UPDATE schema_version SET version_num = '9999'"
STANDS = "SELECT md5(string_agg(i::text, ',' ORDER BY interaction_id)) FROM interactions i"
WAITS = """\
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'wave migrate' AND wait_event_type = 'Lock'
"""
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'wave migrate'"
MIGRATION = migrate.migration_text("0001_work_and_proof.sql")
LAST_TABLE = re.findall(r"^CREATE TABLE (\w+) \($", MIGRATION, re.MULTILINE)[-1]


def wave(ground: Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    return workload.wave(ground, *arguments)


def test_an_old_version_refuses_a_newer_schema_says_what_to_do_and_changes_nothing(ground: Ground):
    ground.project(rows=rows(3))
    ground.start()
    before = ground.one(STANDS)
    known = ground.one("SELECT version_num FROM schema_version")
    ground.sql(NEWER)
    for command in (["runner"], ["run", "work"], ["run", "work", "--resume"], ["db", "migrate"]):
        refused = wave(ground, *command)
        assert refused.returncode == 5, refused.stderr
        assert "the database's schema is at version 9999" in refused.stderr
        assert "upgrade Wave Runner on this machine" in refused.stderr
    assert ground.one(STANDS) == before
    assert ground.one("SELECT count(*) FROM runners") == 0
    ground.sql("UPDATE schema_version SET version_num = %s", known)
    assert wave(ground, "run", "work", "--resume").returncode == 0
    assert ground.items() == {row["name"]: 4 for row in rows(3)}


def test_a_migration_that_is_killed_leaves_nothing_and_the_next_one_does_all_of_it(database: str, ground: Ground):
    ground.url = database  # an empty one
    ground.project(rows=rows(3))
    with psycopg.connect(database) as in_the_way:
        in_the_way.execute(f"CREATE SCHEMA {SCHEMA}")
        in_the_way.commit()
        # The last table of all, made and not committed: the migration has done nearly everything when it waits for it.
        in_the_way.execute(f"CREATE TABLE {SCHEMA}.{LAST_TABLE} (n integer)")
        with ground.process("db", "migrate") as dying:
            wait_until(lambda: ground.one(WAITS) or dying.poll() is not None)
            dying.kill()
            assert dying.wait(workload.PATIENCE_S) == -signal.SIGKILL
        in_the_way.rollback()
    wait_until(lambda: ground.one(OPEN) == 0)
    assert ground.one(f"SELECT count(*) FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace") == 0
    assert wave(ground, "db", "migrate").returncode == 0
    assert wave(ground, "run", "work").returncode == 0
    assert ground.items() == {row["name"]: 4 for row in rows(3)}
    assert broken_invariants(database, lease_s=workload.LEASE_S) == {}
