"""A new version is rolled out: the old one works with its schema or refuses it. A dead migration leaves nothing."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import psycopg
from tests.crash import workload
from tests.crash.test_crash_points import ready
from tests.support.invariants import broken_invariants
from tests.support.projects import SCHEMA, Ground, rows, wait_until

from wave_runner.store import migrate

NEWER = "UPDATE schema_version SET version_num = '9999'"
SINCE = "CREATE OR REPLACE FUNCTION works_since() RETURNS text LANGUAGE sql IMMUTABLE RETURN '{}'"
# What a migration of the next version may do to tables that runners of this one are at work on.
ADDS = (
    "CREATE TABLE of_next (run_id bigint REFERENCES workflow_runs)",
    "ALTER TABLE interactions ADD COLUMN of_next integer NOT NULL DEFAULT 7",
    "ALTER TABLE interaction_events ADD COLUMN of_next text",
    "ALTER TABLE waves ADD COLUMN of_next text",
    "ALTER TABLE runners ADD COLUMN of_next text",
    "ALTER TYPE event_type ADD VALUE 'next_happened'",
    NEWER,
)
SAYS_NEXT = """
    INSERT INTO interaction_events (run_id, type, form, data, sha256) VALUES (0, 'next_happened', 1, '{}', sha256('{}'))
"""
SEALED = "SELECT count(*) FROM event_log JOIN interaction_events USING (run_id, event_id) WHERE type = 'next_happened'"
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
    ground.sql(SINCE.format("9999"))
    for command in (["runner"], ["run", "work"], ["run", "work", "--resume"], ["db", "migrate"]):
        refused = wave(ground, *command)
        assert refused.returncode == 5, refused.stderr
        assert "the database's schema is at version 9999" in refused.stderr
        assert "upgrade Wave Runner on this machine" in refused.stderr
    assert ground.one(STANDS) == before
    assert ground.one("SELECT count(*) FROM runners") == 0
    ground.sql("UPDATE schema_version SET version_num = %s", known)
    ground.sql(SINCE.format(known))
    assert wave(ground, "run", "work", "--resume").returncode == 0
    assert ground.items() == {row["name"]: 4 for row in rows(3)}


def test_an_old_version_works_on_while_a_newer_schema_comes_that_only_adds(
    session_database: str, migrated: str, tmp_path: Path
):
    """What is at work goes on, what is started finds nothing to refuse, and what the new version says is sealed."""
    with ready(session_database, migrated, tmp_path) as ground:
        with ground.process("run", "work", **workload.SETTINGS) as running:
            wait_until(lambda: workload.state(ground) == "running" and ground.one("SELECT count(*) FROM waves") > 1)
            for statement in ADDS:
                ground.sql(statement)
            ground.sql(SAYS_NEXT)
            assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
        workload.check(ground)
        for command in (["run", "work"], ["db", "status"], ["db", "migrate"]):
            done = wave(ground, *command)
            assert done.returncode == 0, done.stdout + done.stderr
        assert ground.one(SEALED) == 1
        doubts = wave(ground, "doctor").stdout
        assert "its type next_happened is unknown here; a runner of a newer version" in doubts
        assert "1 failures" in doubts, doubts


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
