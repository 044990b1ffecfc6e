"""Debian's PostgreSQL 15, for a peer that wants an extension which the embedded one does not bring."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

BIN = Path("/usr/lib/postgresql/15/bin")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run a server with its own defaults, on a socket in a folder of its own, and give its superuser's address."""
    if not (BIN / "postgres").exists():
        raise SystemExit("there is no PostgreSQL 15 of Debian: tools/debian-postgresql installs it")
    with tempfile.TemporaryDirectory(prefix="wave-bench-", ignore_cleanup_errors=True) as place:
        as_user: list[str] = []
        if os.geteuid() == 0:  # as which PostgreSQL does not run
            shutil.chown(place, "postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        _run(place, *as_user, BIN / "initdb", "-D", "data", "-U", "postgres", "--auth=trust", "-E", "UTF8")
        control: list[str | Path] = [*as_user, BIN / "pg_ctl", "-D", "data", "-w", "-l", "log"]
        _run(place, *control, "-o", f"-c listen_addresses= -k {place}", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={place}"
        finally:
            _run(place, *control, "-m", "fast", "stop")


def _run(place: str, *command: str | Path) -> None:
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
