"""The private folder of a host on its node of a Ray cluster. What a killed host left there, the next one removes."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wave_runner.actors.place import remove

_PREFIX = "wave-runner-ray-host-"
_OURS = re.compile(rf"{_PREFIX}\w{{8}}")


class HostFolder:
    """A new folder in the temporary folder of the node, and there until `remove`.

    A host that is killed cannot remove its own, and Ray kills those whose runner was killed. So each holds a lock on
    its folder, which ends with its process, and whoever makes a folder removes those of this user that nobody holds.
    What the last host on a node has left stays until there is another one.
    """

    def __init__(self) -> None:
        _remove_what_nobody_holds()
        self.path, self._lock = _made_and_held()

    def remove(self) -> None:
        """Remove it with all in it, as far as that is possible. Safe twice."""
        with suppress(OSError):
            remove(self.path)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _made_and_held() -> tuple[Path, int]:
    """Return a new folder and the lock on it. Until we hold it another host may take it for one that was left."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        # Where the temporary folder knows no locks nobody else gets one either, and nothing is removed.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)


def _remove_what_nobody_holds() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # It may go meanwhile, be another user's, or be no folder at all.
        with suppress(OSError), _held_at_once(path):
            remove(path)


@contextmanager
def _held_at_once(path: Path) -> Iterator[None]:
    """Hold a folder that is this user's and held by nobody. Raises `OSError` for any other."""
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if not _OURS.fullmatch(path.name) or os.fstat(lock).st_uid != os.geteuid():
            raise PermissionError(f"{path} is no folder of a host of ours")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
