"""An embedded database as an older PostgreSQL would have made it: with the one in the wheel, or with Debian's."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store.embedded_binaries import of_version
from wave_runner.store.embedded_cluster import APPLICATION_DATABASE, APPLICATION_ROLE, SUPERUSER, plain_environment
from wave_runner.store.embedded_home import open_home
from wave_runner.store.embedded_keeper import try_lock
from wave_runner.store.embedded_server import launch_server, stop

PASSWORD = "made-for-tests"


@contextlib.contextmanager
def older_server(wave_dir: Path, major: int) -> Iterator[tuple[str, str]]:
    """Make the database of a project's `.wave` folder with this major version; give the URLs of its role and superuser.

    It runs while the block lasts. Skips where no such version is installed.
    """
    try:
        found = of_version(major)
    except EmbeddedDatabaseError as error:
        pytest.skip(error.message)
    home = open_home(wave_dir)
    binaries = home.binaries(found)
    secret = home.make_folder("secret") / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    os.chown(secret, home.account.uid, home.account.gid)
    data = home.make_folder("data")
    options = [f"--pgdata={data}", f"--username={SUPERUSER}", f"--pwfile={secret}", "--auth=scram-sha-256"]
    subprocess.run(
        [binaries.initdb, *options, "--encoding=UTF8", "--locale=C", "--no-sync"],
        check=True,
        capture_output=True,
        cwd="/",
        env=plain_environment(),
        **home.account.start_options(),
    )
    with os.fdopen(home.open_file("passwords.json", os.O_WRONLY | os.O_TRUNC), "w") as file:
        json.dump({"application": PASSWORD, "superuser": PASSWORD}, file)
    with home.opened("server.lock") as lock:
        assert try_lock(lock)
        server = launch_server(home, binaries, lock, tcp_port=None)
    where = f"host={quote(str(server.socket_folder), safe='')}&port={server.port}"
    admin_url = f"postgresql://{SUPERUSER}:{PASSWORD}@/postgres?{where}"
    try:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            admin.execute(role.format(sql.Identifier(APPLICATION_ROLE), sql.Literal(PASSWORD)))
            made = sql.SQL("CREATE DATABASE {} OWNER {}")
            admin.execute(made.format(sql.Identifier(APPLICATION_DATABASE), sql.Identifier(APPLICATION_ROLE)))
        yield f"postgresql://{APPLICATION_ROLE}:{PASSWORD}@/{APPLICATION_DATABASE}?{where}", admin_url
    finally:
        stop(home)
