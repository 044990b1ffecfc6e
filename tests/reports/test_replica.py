"""A replica answers what only reads, says of when its answers are, and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support import warm
from tests.support.documents import blocks
from tests.support.projects import Ground, wait_until
from tests.support.replica import replica

from wave_runner.store import embedded

GUIDE = Path(__file__).parents[2] / "docs/how-to/several-machines.md"
PLACE = "postgresql://wave@replica.example/wave"
KEY = "one"
READING = (
    "report delta",
    "report cost",
    "report errors",
    "report failures",
    "report runs",
    "report matrix",
    "report events",
    "report records",
    f"trace {KEY}",
    f"explain items.words --record {KEY}",
    "compare 1 1",
    "audit status",
)
OF_ITS_OWN = ("doctor", "watch --once", "status", "archive --out {folder}/archive")
CHANGING = ("run work", "pause workflow work", "serve --port 0", "runner")


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, Ground]]:
    """A project whose run has ended on a server of its own, and the same project on a replica of that server."""
    place = tmp_path_factory.mktemp("followed")
    primary = embedded.start(place / ".wave")
    try:
        ground = Ground(folder=place / "project", url=primary.url, admin_url=primary.admin_url)
        ground.folder.mkdir()
        ground.project(rows=[{"name": KEY, "text": "some words"}])
        assert ground.run() == "completed"
        with replica(primary, place / ".wave") as url:
            yield ground, replace(ground, url=url)
    finally:
        primary.release()
        embedded.remove(place / ".wave")


def asked(ground: Ground, words: str) -> Any:
    env = {"WAVE_DATABASE_URL": ground.url}
    return warm.wave("--project", ground.folder, *words.split(), env=env, timeout=60)


def test_what_only_reads_says_the_same_of_a_replica(followed: tuple[Ground, Ground]):
    primary, standby = followed
    for words in READING:
        there, here = asked(standby, words), asked(primary, words)
        assert (there.returncode, there.stdout) == (0, here.stdout), words
        assert "this is a replica: it has what was committed until 2" in there.stderr
        assert "replica" not in here.stderr


@pytest.mark.parametrize("words", OF_ITS_OWN)
def test_what_says_something_of_the_replica_itself_works_there_too(followed: tuple[Ground, Ground], words: str):
    done = asked(followed[1], words.format(folder=followed[1].folder.parent))
    assert done.returncode == 0, done.stderr
    assert "this is a replica" in done.stderr


def test_the_log_is_verified_where_nothing_can_be_noted(followed: tuple[Ground, Ground]):
    done = asked(followed[1], "audit verify")
    assert done.returncode == 0
    assert "\nOK: " in done.stdout
    assert "that the log was verified could not be noted: the database is a replica" in done.stderr


@pytest.mark.parametrize("words", CHANGING)
def test_nothing_can_be_changed_there_and_that_is_said(followed: tuple[Ground, Ground], words: str):
    done = asked(followed[1], words)
    assert done.returncode == 3
    assert "error: the database is a replica, in which nothing can be changed" in done.stderr
    assert "do: name the primary in WAVE_DATABASE_URL" in done.stderr


def test_a_status_is_of_the_newest_commit_that_has_come(followed: tuple[Ground, Ground]):
    primary, standby = followed
    assert primary.run() == "completed"
    wait_until(lambda: standby.one("SELECT count(*) FROM workflow_runs WHERE state = 'completed'") == 2)
    ended = primary.one("SELECT max(ended_at) FROM workflow_runs")
    status = json.loads(asked(standby, "status --json").stdout)
    assert status["run"]["run_id"] == "2"
    at = datetime.fromisoformat(status["as_of"])
    with psycopg.connect(standby.url) as connection:
        [newest] = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
    assert ended <= at <= newest


def test_the_guide_says_how(followed: tuple[Ground, Ground]):
    standby = followed[1]
    [block] = [one.text for one in blocks(GUIDE.read_text(encoding="utf-8")) if one.language == "sh"]
    assert PLACE in block
    with warm.command() as folder:
        path = f"{folder}:{os.environ['PATH']}"
        shell = ["bash", "-euc", block.replace(PLACE, standby.url)]
        done = subprocess.run(
            shell, cwd=standby.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
        )
    assert "failures of the newest 100 runs" in done.stdout
    assert "this is a replica" in done.stderr


def test_what_has_not_come_yet_is_not_made_there(followed: tuple[Ground, Ground]):
    _, standby = followed
    more: Path = standby.folder / "sql/tables-2.sql"
    more.write_text("CREATE TABLE more (n integer);")
    done = asked(standby, "status")
    more.unlink()
    assert "error: the database is a replica, and has not all that this project needs" in done.stderr
    assert "with the primary" in done.stderr
