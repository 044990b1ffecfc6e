"""Which processes descend from another, and how to end them all, on Linux, from /proc."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

MARKER = "WAVE_WORKER"
"""The environment variable that every process below one worker carries, unless it takes pains not to."""

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

_PIECE = 64 * 1024


def die_with_parent(parent: int, by: signal.Signals) -> None:
    """Get the signal `by` when the parent ends; exit at once if `parent` is no longer the parent."""
    _prctl(_PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, however it detached itself."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide() -> None:
    """Let no other process of the same user read this one's environment and memory, or its files by /proc.

    Root still can. Whatever is executed from here begins anew.
    """
    _prctl(_PR_SET_DUMPABLE, 0)


def descendants(pid: int) -> list[int]:
    """Return the live processes below `pid`, children before grandchildren; zombies are left out."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:
        found.extend(children.get(one, ()))
    return found


def children(pid: int) -> list[int]:
    """Return the live children of one process, from the list that most kernels keep ready; else by looking at all."""
    lists = list(Path(f"/proc/{pid}/task").glob("*/children"))
    if not lists:
        return [child for child, parent in _parents() if parent == pid]
    listed = b" ".join(_read(path) for path in lists).split()
    return [int(child) for child in listed if _state_and_parent(Path("/proc") / child.decode())[0] != b"Z"]


def own_children() -> list[int]:
    """Return the children of this process, also those that have ended, as fast as that can be known: in microseconds.

    Where the kernel keeps no list ready it is all of /proc that is looked at.
    """
    try:
        with os.scandir("/proc/self/task") as threads:
            listed = [_bytes(f"{thread.path}/children") for thread in threads]
    except (FileNotFoundError, ProcessLookupError):  # or one of our threads has just ended
        return [child for child, parent in _parents() if parent == os.getpid()]
    return [int(child) for child in b" ".join(listed).split()]


def _bytes(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        found = b""
        while piece := os.read(fd, _PIECE):
            found += piece
        return found
    finally:
        os.close(fd)


def marked(marker: str) -> list[int]:
    """Return the live processes whose environment says that they belong to the worker `marker`."""
    wanted = f"{MARKER}={marker}".encode()
    return [pid for pid, _ in _parents() if wanted in _environment(pid).split(b"\0")]


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to each that still lives."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself in between
            os.kill(pid, signal.SIGKILL)


def _parents() -> Iterator[tuple[int, int]]:
    """Yield (process, parent) for every process that is no zombie."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            state, parent = _state_and_parent(entry)
            if state != b"Z":
                yield int(entry.name), parent


def _state_and_parent(entry: Path) -> tuple[bytes, int]:
    # The name in parentheses may itself hold spaces and parentheses; the fields begin after the last one.
    state, parent, *_ = _read(entry / "stat").rpartition(b") ")[2].split(maxsplit=2) or (b"Z", b"0")
    return state, int(parent)


def _environment(pid: int) -> bytes:
    return _read(Path(f"/proc/{pid}/environ"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (ProcessLookupError, FileNotFoundError, PermissionError):
        return b""  # it has ended, or belongs to another user and so is none of ours


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
