"""docs/how-to/backup.md, done as it says: backed up, worked on, restored, and gone on with in a new epoch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.support.database import fresh_database
from tests.support.documents import blocks
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, Make
from tests.support.serving import work_twice

from wave_runner.store.embedded_binaries import installed

PAGE = Path(__file__).parents[2] / "docs/how-to/backup.md"


def tools(url: str) -> Path:
    """Return the folder with the `pg_dump` of the server's own version: an older one would refuse it."""
    with psycopg.connect(url) as connection:
        major = connection.info.server_version // 10_000
    for folder in (installed().postgres.parent, Path(f"/usr/lib/postgresql/{major}/bin")):
        said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True).stdout
        if f" {major}." in said:
            return folder
    pytest.skip(f"no pg_dump of PostgreSQL {major} is installed")


def test_a_restored_backup_goes_on_in_a_new_epoch_and_everything_holds(copy_of: Callable[[Make], Ground]):
    ground = copy_of(work_twice)
    (ground.folder / ".env").unlink()
    path = os.pathsep.join([str(tools(ground.url)), str(Path(sys.executable).parent), os.environ["PATH"]])
    with fresh_database(ground.admin_url) as restored:
        told = {"PATH": path, "HOME": str(ground.folder), "LANG": "C.UTF-8", "RESTORED": restored, "USER": "otto"}

        def follow(text: str, *, url: str, code: int = 0) -> str:
            done = subprocess.run(
                ["bash", "-e", "-c", text],
                cwd=ground.folder,
                env={**told, "WAVE_DATABASE_URL": url},
                capture_output=True,
                text=True,
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout

        back_up, restore, look, open_epoch, in_the_end = (one.text for one in blocks(PAGE.read_text("utf-8")))
        follow(back_up, url=ground.url)
        assert (ground.folder / "backup/key/log.key").stat().st_mode & 0o777 == 0o600
        work(ground)  # what the backup does not know
        sealed = ground.one("SELECT count(*) FROM event_log")

        follow(restore, url=ground.url)
        follow(look, url=ground.url)
        there = replace(ground, url=restored)
        assert there.one("SELECT count(*) FROM event_log") < sealed
        assert "/e2+" in follow(open_epoch, url=restored)
        work(there)
        follow(in_the_end, url=restored)
        assert there.one("SELECT count(*) FROM workflow_runs") == 3
        assert broken_invariants(restored) == {}


def work(ground: Ground) -> None:
    """Do one more run, which finds nothing new, and is sealed and signed."""
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
    ground.run()
    (ground.folder / ".env").unlink()
