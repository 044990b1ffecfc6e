"""Runners on hosts of their own around one PostgreSQL: links are cut and slow, a host dies, and nobody has to help."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.database import fresh_database
from tests.support.hosts import Host, by_network, network, server_in
from tests.support.invariants import broken_invariants
from tests.support.projects import SCHEMA, TABLES, WAVE, Ground, rows, script, wait_until
from tests.support.warm import wave

from wave_runner.store import migrate

N = 2000
LEASE_S = 1.5
PATIENCE_S = 240  # for 4,000 steps on a machine that has much else to do
SETTINGS = {"WAVE_LEASE_S": str(LEASE_S), "WAVE_RENEW_S": "0.4", "WAVE_GRACE_S": "0", "WAVE_ANSWER_S": "2"}

# Slow enough that a host has work in hand whenever its link is cut.
COUNT = script(
    """
    import time

    time.sleep(0.02)
    ctx.write("items", {"words": len(item["text"].split())})
    return {}
    """
)
# An effect that nothing but the engine keeps from standing twice.
EFFECT = script(
    'ctx.db.execute("INSERT INTO effects (name) VALUES (%s)", ctx.record)\nreturn {}', options="database = True"
)
STEPS = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: effect}
effect: {actor: effect, input: {name: record.name}, next: end}
"""

AT_WORK = """
    SELECT max(w.wave_id) FROM interactions i JOIN waves w USING (wave_id) JOIN runners n USING (runner_id)
    WHERE i.state = 'running' AND w.closed_at IS NULL AND n.pid = %s
"""
EXPIRED = "SELECT count(*) FROM interaction_events WHERE type = 'wave_expired' AND wave_id = %s"
BEGUN_SINCE = "SELECT count(*) FROM waves JOIN runners USING (runner_id) WHERE pid = %s AND opened_at > %s"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE host(client_addr) = %s"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Ground, list[Host]]]:
    """A project on a database that is reached by the network, a run that waits for runners, and four hosts."""
    with (
        network(4) as (hub, hosts),
        server_in(hub, tmp_path) as admin_url,
        fresh_database(admin_url) as url,
    ):
        migrate.migrate(url, SCHEMA)
        ground = Ground(folder=tmp_path / "project", url=url, admin_url=admin_url)
        ground.project(
            rows=rows(N),
            steps=STEPS,
            actors={"count": COUNT, "effect": EFFECT},
            ensures=["record.words == 4"],
            tables=TABLES + "CREATE TABLE effects (name text NOT NULL);\n",
        )
        yield ground, hosts


@contextlib.contextmanager
def runner_on(host: Host, ground: Ground) -> Iterator[subprocess.Popen[bytes]]:
    """Give a runner on that host, with a copy of the project's folder there."""
    folder = ground.folder.with_name(host.name)
    shutil.copytree(ground.folder, folder)
    (folder / ".env").write_text(f"WAVE_DATABASE_URL={by_network(ground.url)}\n", encoding="utf-8")
    command = [*host.command, str(WAVE), "--project", str(folder), "runner"]
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(command, env={**os.environ, **SETTINGS}, stdout=said, stderr=said) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_four_hosts_do_every_record_once_whatever_becomes_of_the_network(place: tuple[Ground, list[Host]]):
    ground, hosts = place
    ground.start()
    slow, first, second, doomed = hosts
    slow.slow_down()
    with contextlib.ExitStack() as stack:
        runners = {host.name: stack.enter_context(runner_on(host, ground)) for host in hosts}

        def taken_from(host: Host) -> int:
            """Wait until the host has work in hand; return its wave."""
            return wait_until(lambda: ground.one(AT_WORK, runners[host.name].pid))

        for host in (first, second):
            wave_id = taken_from(host)
            host.cut()
            wait_until(lambda wave_id=wave_id: ground.one(EXPIRED, wave_id))
            host.mend()
            mended_at = ground.one("SELECT clock_timestamp()")
            wait_until(lambda host=host, at=mended_at: ground.one(BEGUN_SINCE, runners[host.name].pid, at))
        lost = taken_from(doomed)
        doomed.die()
        wait_until(lambda: ground.one(EXPIRED, lost))
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs") == "completed", PATIENCE_S)
        for host in (slow, first, second):
            said = (ground.folder.with_name(host.name) / "said").read_text(encoding="utf-8")
            assert runners[host.name].poll() is None, said
            assert "Traceback" not in said
            assert "psycopg" not in said, "an object of the driver tells nobody anything"
        assert "the database is away" in (ground.folder.with_name(first.name) / "said").read_text()
        # Its connections told nobody that they ended: the server must find out, long before it runs out of them.
        wait_until(lambda: ground.one(CONNECTED, doomed.address) == 0)

    assert ground.items() == {row["name"]: 4 for row in rows(N)}
    assert [row["name"] for row in ground.sql("SELECT name FROM effects ORDER BY name")] == [
        row["name"] for row in rows(N)
    ]
    assert ground.states("count") == ground.states("effect") == {"completed": N}
    workers = "SELECT count(DISTINCT runner_id) FROM interactions JOIN waves USING (wave_id)"
    assert ground.one(workers) == 4
    assert broken_invariants(ground.url, lease_s=LEASE_S) == {}
    verified = wave("--project", ground.folder, "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
