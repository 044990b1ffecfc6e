"""A replica of the PostgreSQL that comes along: a standby that follows it, on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from tests.support.waiting import wait_until

from wave_runner.store.embedded import EmbeddedDatabase
from wave_runner.store.embedded_binaries import installed
from wave_runner.store.embedded_home import open_home

PORT = 5433


@contextlib.contextmanager
def replica(primary: EmbeddedDatabase, wave_dir: Path) -> Iterator[str]:
    """Give the URL of a standby that follows the server of this `.wave` folder, for who does the work there."""
    home, binaries = open_home(wave_dir), installed()
    data, admin, ours = home.make_folder("standby"), conninfo_to_dict(primary.admin_url), conninfo_to_dict(primary.url)
    as_account = home.account.start_options()
    plain = {"PATH": os.defpath, "LC_ALL": "C"}
    copy = [binaries.postgres.with_name("pg_basebackup"), "-D", data, "-R", "-X", "stream", "-c", "fast"]
    where = ["-h", admin["host"], "-p", str(admin["port"]), "-U", admin["user"]]
    subprocess.run([*copy, *where], env={**plain, "PGPASSWORD": admin["password"]}, cwd="/", check=True, **as_account)
    with tempfile.TemporaryDirectory() as folder:  # a short path: that of a socket has 107 bytes at most
        os.chown(folder, home.account.uid, home.account.gid)
        options = {"listen_addresses": "", "unix_socket_directories": folder, "port": str(PORT)}
        said = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        who, socket = f"{quote(ours['user'])}:{quote(ours['password'])}", quote(folder, safe="")
        url = f"postgresql://{who}@/{ours['dbname']}?host={socket}&port={PORT}"
        with subprocess.Popen([binaries.postgres, "-D", data, *said], env=plain, cwd="/", **as_account) as server:
            try:
                wait_until(lambda: _answers(url))
                yield url
            finally:
                server.send_signal(signal.SIGINT)


def _answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
        return connection.info.parameter_status("in_hot_standby") == "on"
    return False
