"""`wave db upgrade`: an embedded database of an older PostgreSQL is brought over, with its proof; the old one stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support import warm
from tests.support.older_server import older_server
from tests.support.projects import Ground, rows
from tests.support.waiting import wait_until

from wave_runner.store import embedded

N = 20
IN_THE_WHEEL, ON_DEBIAN = 16, 15
OLDER = ON_DEBIAN if Path(f"/usr/lib/postgresql/{ON_DEBIAN}/bin/postgres").exists() else IN_THE_WHEEL


def wave(ground: Ground, *arguments: str, code: int = 0) -> str:
    done = warm.wave("--project", ground.folder, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """A project whose database will be the one that comes along."""
    ground = Ground(folder=tmp_path / "project", url="", admin_url="")
    yield ground
    embedded.remove(ground.folder / ".wave")


def worked_on(ground: Ground, major: int) -> Path:
    """Let a run of a project end on this version of PostgreSQL; return the folder that holds the data."""
    with older_server(ground.folder / ".wave", major) as (ground.url, ground.admin_url):
        ground.project(rows=rows(N), ensures=["record.words == 4"])
        assert ground.run() == "completed"
        with ground.superuser() as admin:
            admin.execute("CREATE ROLE readers NOLOGIN")
            admin.execute("GRANT SELECT ON items TO readers")
    (ground.folder / ".env").unlink()
    return (ground.folder / ".wave/postgres").resolve()


def made_by(data: Path) -> str:
    return (data / "PG_VERSION").read_text(encoding="utf-8").strip()


def test_a_database_of_an_older_version_is_brought_over_with_all_that_it_holds_and_proves(ground: Ground):
    home = worked_on(ground, OLDER)
    refused = wave(ground, "status", code=3)
    assert f"was made by PostgreSQL {OLDER}" in refused
    assert "wave db upgrade brings it over" in refused

    with warm.started("--project", ground.folder, "db", "upgrade", env=os.environ) as killed:
        wait_until((home / "upgrade/data/postmaster.pid").exists)
        killed.kill()
    assert made_by(home / "data") == str(OLDER), "what was killed has changed nothing"

    said = wave(ground, "db", "upgrade")
    assert f"PostgreSQL {OLDER} → 18: " in said
    assert (made_by(home / "data"), made_by(home / f"data-{OLDER}")) == ("18", str(OLDER))
    assert not [*home.glob("upgrade*")]
    (home / "data").rename(home / "upgraded")  # as if it had been killed before its last act
    for command in (["audit", "verify"], ["doctor"], ["run", "work"], ["audit", "verify"]):
        wave(ground, *command)
    assert "nothing to do" in wave(ground, "db", "upgrade")

    database = embedded.start(ground.folder / ".wave")
    try:
        with psycopg.connect(database.url, options="-c search_path=wave") as connection:
            words = connection.execute("SELECT name, words FROM items ORDER BY name").fetchall()
            [privileges] = connection.execute("SELECT has_table_privilege('readers', 'items', 'SELECT')").fetchone()
    finally:
        database.release()
    assert words == [(row["name"], 4) for row in rows(N)]
    assert privileges is True


def test_a_database_that_cannot_be_brought_over_is_left_as_it_is(ground: Ground):
    with older_server(ground.folder / ".wave", IN_THE_WHEEL) as (url, admin_url):
        ground.project().write(".env", "")
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute("CREATE DATABASE of_somebody")
    home = (ground.folder / ".wave/postgres").resolve()
    assert "has databases that are not Wave Runner's, and would be left behind: of_somebody" in wave(
        ground, "db", "upgrade", code=3
    )
    assert f"{ground.folder} holds no PostgreSQL 16" in wave(
        ground, "db", "upgrade", "--programs", str(ground.folder), code=3
    )
    (home / "data/PG_VERSION").write_text("99\n", encoding="utf-8")
    assert "use the Wave Runner that made it" in wave(ground, "db", "upgrade", code=3)
    assert [path.name for path in home.glob("data*")] == ["data"]
    assert not [*home.glob("upgrade*")]
    ground.write(".env", f"WAVE_DATABASE_URL={url}\n")
    assert "a server of your own" in wave(ground, "db", "upgrade", code=2)
