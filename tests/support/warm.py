"""`wave` commands without the second that each takes to import what it needs.

They are processes of their own, forked from one that has imported it all. What a command does while it starts is tested
where it is started by its name: `tests/cli/`, `tests/e2e/`.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

SERVER = Path(__file__).with_name("warm_server.py")
PATIENCE_S = 280


def wave(
    *words: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] = ".",
    timeout: float = PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """Do one `wave` command and wait for its end, as `subprocess.run` does; it is killed when its time is over."""
    arguments = [os.fspath(word) for word in words]
    command = {"words": arguments, "env": dict(os.environ if env is None else env), "cwd": str(Path(cwd).absolute())}
    server, _ = _server()
    with Path(os.devnull).open() as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        socket.send_fds(server, [json.dumps(command).encode()], [nothing.fileno(), out.fileno(), err.fileno()])
        server.settimeout(PATIENCE_S)
        pid = int(_line(server))
        server.settimeout(timeout)
        try:
            status = int(_line(server))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            server.settimeout(PATIENCE_S)
            _line(server)
            raise subprocess.TimeoutExpired(["wave", *arguments], timeout) from None
        said = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
    return subprocess.CompletedProcess(["wave", *arguments], os.waitstatus_to_exitcode(status), *said)


@functools.cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Return our end of the socket, and the process at the other one: it ends with this process."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([sys.executable, SERVER, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    return ours, process


def _line(server: socket.socket) -> bytes:
    """Return one line of the answer, and not a byte of the next."""
    line = b""
    while not line.endswith(b"\n"):
        piece = server.recv(1)
        assert piece, "the process that becomes commands has ended"
        line += piece
    return line
