"""PgBouncer before a test's database, giving each transaction another server connection. Only where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.support.waiting import wait_until

NOBODY = 65534
CONFIG = """\
[databases]
pooled = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
server_round_robin = 1
"""


@contextlib.contextmanager
def pooler(url: str, *, size: int) -> Iterator[str]:
    """Give the URL by which a database is reached through a pool of `size` server connections, taken in turn."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed here")
    server = conninfo_to_dict(url)
    user, group = _account(str(server["host"]))
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = Path(folder) / "pgbouncer.ini"
        wanted = {name: server[name] for name in ("host", "port", "dbname", "user", "password") if name in server}
        quoted = " ".join(f"{name}='{value}'" for name, value in wanted.items())
        config.write_text(CONFIG.format(server=quoted, port=port, size=size), encoding="utf-8")
        if user is not None:
            for path in (Path(folder), config):
                os.chown(path, user, -1)
        with subprocess.Popen([program, "--quiet", config], user=user, group=group) as process:
            try:
                pooled = f"postgresql://anybody@127.0.0.1:{port}/pooled"
                wait_until(lambda: process.poll() is not None or _answers(pooled))
                assert process.poll() is None, "PgBouncer has ended"
                yield pooled
            finally:
                process.kill()


def _account(host: str) -> tuple[int | None, int | None]:
    """Return user and group that are to run it, which refuses to be root: those who may reach the server's socket."""
    if os.geteuid() != 0:
        return None, None
    if not host.startswith("/"):
        return NOBODY, NOBODY
    socket_of = Path(host).stat()
    return socket_of.st_uid or NOBODY, socket_of.st_gid or NOBODY


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
