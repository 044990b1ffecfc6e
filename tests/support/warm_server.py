"""The process behind `tests.support.warm`: it has imported what `wave` commands need, and becomes one when it is asked.

    python warm_server.py serve SOCKET      asked by one process, for one command after the other
    python warm_server.py listen SOCKET     asked by whoever connects, for one command each

Each message is `{"words", "env", "cwd"}`, with four descriptors beside it: standard input, output and error, and a
socket, where it tells the number of the process, and when that has ended its wait status.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
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
    for package in ("api", "cli", "reports", "runner", "servers", "store"):
        path = [f"{one}/{package}" for one in wave_runner.__path__]
        for found in pkgutil.iter_modules(path, f"wave_runner.{package}."):
            importlib.import_module(found.name)
    gc.freeze()


def listen(listening: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, _ = listening.accept()
        with asked:
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                die_with_parent(os.getppid(), signal.SIGKILL)
                listening.close()
                serve(asked)
                os._exit(0)


def serve(asked: socket.socket) -> None:
    """Begin what is asked for, and tell of each end, until nobody can ask any more."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(asked, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is not asked:
                    waiting.unregister(key.fileobj)
                    tell_end(key.fd, *key.data)
                elif begun := begin(asked):
                    pid, told = begun
                    waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, told))
                else:
                    return


def begin(asked: socket.socket) -> tuple[int, socket.socket] | None:
    """Begin a command; give its number, and where its end is to be told. None: nobody asks any more."""
    message, descriptors, _, _ = socket.recv_fds(asked, LONGEST, 4)
    if not message:
        return None
    *streams, answer = descriptors
    told = socket.socket(fileno=answer)
    pid = os.fork()
    if not pid:
        asked.close()
        told.close()
        become(json.loads(message), streams)
    for descriptor in streams:
        os.close(descriptor)
    tell(told, pid)
    return pid, told


def tell_end(descriptor: int, pid: int, told: socket.socket) -> None:
    status = os.waitpid(pid, 0)[1]
    os.close(descriptor)
    with told:
        tell(told, status)


def tell(told: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        told.sendall(b"%d\n" % number)


def become(command: dict, descriptors: list[int]) -> None:
    """Be the command, as if it had been started by its name."""
    die_with_parent(os.getppid(), signal.SIGKILL)
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
    {"serve": serve, "listen": listen}[sys.argv[1]](socket.socket(fileno=int(sys.argv[2])))
