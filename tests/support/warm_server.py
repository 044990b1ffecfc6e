"""The process behind `tests.support.warm`: it has imported what `wave` commands need, and becomes one when it is asked.

    python warm_server.py SOCKET

Each message is `{"words", "env", "cwd"}`, with three descriptors beside it: standard input, output and error. The
answer is the number of the process, and then its wait status.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import time

import wave_runner
from wave_runner import crash_points
from wave_runner.actors.processes import die_with_parent
from wave_runner.cli import main

LONGEST = 1 << 20


def load() -> None:
    """Import all that commands import when they need it."""
    for package in ("cli", "reports", "runner", "servers", "store"):
        path = [f"{one}/{package}" for one in wave_runner.__path__]
        for found in pkgutil.iter_modules(path, f"wave_runner.{package}."):
            importlib.import_module(found.name)
    gc.freeze()


def serve(asked: socket.socket) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, LONGEST, 3)
        if not message:
            return
        pid = os.fork()
        if not pid:
            asked.close()
            become(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        asked.sendall(b"%d\n" % pid)
        asked.sendall(b"%d\n" % os.waitpid(pid, 0)[1])


def become(command: dict, descriptors: list[int]) -> None:
    """Be the command, as if it had been started by its name."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(command["env"])
    os.chdir(command["cwd"])
    time.tzset()
    importlib.reload(crash_points)  # what it reads of the environment
    sys.argv = ["wave", *command["words"]]
    try:
        main.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    die_with_parent(os.getppid(), signal.SIGKILL)
    load()
    serve(socket.socket(fileno=int(sys.argv[1])))
