"""The pool of connections: a database that has been away is used again soon, however long it was away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from tests.support.projects import Ground, wait_until

from wave_runner.store.database import Database, Unavailable

AWAY_S = 8.0  # then a pool that doubles its waits would try again after 7 s more
BACK_S = 5.0

# A process that is in the middle of a statement, and holds a lock.
HANGS = """
import asyncio, sys
from wave_runner.store.database import Database

async def hang():
    database = Database(sys.argv[1], schema="wave", size=1)
    await database.open()
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(4711)")
        await connection.execute("SELECT pg_sleep(600)")

asyncio.run(hang())
"""


def test_a_statement_whose_process_was_killed_ends_and_what_it_has_locked_is_free(ground: Ground):
    with subprocess.Popen([sys.executable, "-c", HANGS, ground.url]) as process:
        wait_until(lambda: ground.one("SELECT count(*) FROM pg_locks WHERE objid = 4711 AND granted"))
        process.kill()
    wait_until(lambda: not ground.one("SELECT count(*) FROM pg_locks WHERE objid = 4711"))


def test_a_database_that_was_away_is_used_again_within_seconds(ground: Ground):
    name = urlsplit(ground.url).path.lstrip("/")
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")

    async def until(database: Database, *, answers: bool, for_s: float) -> float:
        """Ask until it has answered once, or has not for so long; return how long that took."""
        begun = time.monotonic()
        while (waited := time.monotonic() - begun) < for_s:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(1):
                    await database.fetch("session/process")
                assert answers
                break
        return waited

    async def asked(admin: psycopg.Connection) -> float:
        database = Database(ground.url, schema="wave", size=2)
        await database.open()
        try:
            admin.execute(limit.format(sql.Identifier(name), sql.Literal(0)))
            admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
            await until(database, answers=False, for_s=AWAY_S)
            admin.execute(limit.format(sql.Identifier(name), sql.Literal(-1)))
            return await until(database, answers=True, for_s=4 * BACK_S)
        finally:
            await database.close()

    with psycopg.connect(ground.admin_url, autocommit=True) as admin:
        assert asyncio.run(asked(admin)) <= BACK_S
