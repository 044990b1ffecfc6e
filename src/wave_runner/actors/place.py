"""Where a worker lives: its folder, its environment, and the mark by which its processes are known."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wave_runner.actors import processes

CLEAR_S = 5.0
"""How long to go on killing what a worker left behind, seconds."""

_log = logging.getLogger(__name__)

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def remove(folder: Path) -> None:
    """Remove a folder with all in it, however deep: a script may have dug deeper than Python can follow."""
    try:
        shutil.rmtree(folder)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False)


@dataclass(frozen=True)
class Place:
    """A private folder, and a mark."""

    folder: Path
    marker: str

    @classmethod
    def make(cls, work_dir: Path) -> Place:
        work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder=Path(tempfile.mkdtemp(prefix="worker-", dir=work_dir)), marker=uuid.uuid4().hex)

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return all that the worker sees: built here, nothing is inherited from the runner."""
        home = str(self.folder)
        built = {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home, **own}
        return {**built, processes.MARKER: self.marker}

    def clear(self) -> None:
        """End what carries the mark and remove the folder, as far as that is possible."""
        give_up = time.monotonic() + CLEAR_S
        while (found := processes.marked(self.marker)) and time.monotonic() < give_up:
            processes.kill(found)
        try:
            if self.folder.exists():
                remove(self.folder)
        except OSError as error:
            _log.warning("cannot remove %s, which a script worker left behind: %s", self.folder, error)
