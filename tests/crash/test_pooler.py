"""Behind a pooler that gives each transaction another server connection, with fewer of them than are wanted."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.crash import workload
from tests.support.database import fresh_database
from tests.support.openai_stub import OpenAIStub
from tests.support.pooler import pooler
from tests.support.projects import Ground, rows
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
        workload.check(one)
        with psycopg.connect(url) as connection:
            counted = connection.execute("SELECT count(*), sum(words) FROM other.items").fetchone()
        assert counted == (40, 40 * 4)


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
