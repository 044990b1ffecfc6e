"""Namespaces for a worker: what it sees are its own processes, its own network, and the files that are open to it.

bubblewrap (https://github.com/containers/bubblewrap) makes them. Whatever a script starts dies with its namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from wave_runner.actors.sandbox import DEVICES, SandboxError, Walls, openings, write

INSIDE = "inside"
"""What tells the worker's program that it has been started in its namespaces."""

_TRY_S = 10.0
_KILLED = 128


def look() -> tuple[str, str]:
    """Return where bubblewrap is, and why no namespaces can be made with it here; "" if they can."""
    program = shutil.which("bwrap")
    if program is None:
        return "", "it needs bubblewrap, and there is no `bwrap` here: install it (Debian, Fedora: package bubblewrap)"
    tried = [program, *_ALONE, "--ro-bind", "/", "/", *_OWN_FILES, "--", "/bin/true"]
    try:
        answer = subprocess.run(tried, capture_output=True, env={}, timeout=_TRY_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return program, _of_no_use(program, str(error))
    said = answer.stderr.decode(errors="replace").strip()
    return program, _of_no_use(program, said) if answer.returncode else ""


def enter(walls: Walls, fds: Sequence[int]) -> None:
    """Become bubblewrap, with the worker's program inside. What keeps it from that is printed, and ends the process."""
    try:
        command = _command(walls, str(Path.cwd()), fds)
        for fd in fds:
            os.set_inheritable(fd, True)
        os.execv(command[0], command)  # noqa: S606  no shell is wanted
    except (SandboxError, OSError) as error:
        os.write(2, f"the sandbox of {walls.sandbox.script} cannot be entered: {error}\n".encode())
        os._exit(1)


def status(ended: int) -> int:
    """Return how the program inside has ended, from how bubblewrap has: it tells a signal as the shell does."""
    return _KILLED - ended if ended > _KILLED else ended


_ALONE = ("--unshare-all", "--die-with-parent", "--cap-drop", "ALL")
_OWN_FILES = ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")  # noqa: S108  in a namespace of its own


def _command(walls: Walls, folder: str, fds: Sequence[int]) -> list[str]:
    sandbox = walls.sandbox
    opened = openings(sandbox, root=walls.root, folder=folder)
    bound = dict.fromkeys(opened.read, "--ro-bind") | dict.fromkeys((folder, *sandbox.may_write), "--bind")
    # What lies in a folder is bound after it, or the folder would hide it. What is the system's own comes first.
    order = sorted((path for path in bound if not _is_own(path)), key=lambda path: len(Path(path).parts))
    inside = (sys.executable, "-I", "-B", "-m", "wave_runner.actors.worker", INSIDE)
    return [
        *(sandbox.bubblewrap, *_ALONE, *(("--share-net",) if sandbox.network else ())),
        *_OWN_FILES,
        *(word for path in order for word in (bound[path], path, path)),
        *("--chdir", folder, "--"),
        *(*inside, *map(str, fds), write(sandbox), walls.root),
    ]


def _is_own(path: str) -> bool:
    """Say whether the namespace has a path of its own, in place of the host's."""
    return path in ("/proc", *DEVICES)


def _of_no_use(program: str, said: str) -> str:
    return (
        f"it needs namespaces, and {program} cannot make them here ({said:.200}): "
        "let it, as your system's documentation of unprivileged user namespaces says"
    )
