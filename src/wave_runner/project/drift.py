"""Whether a project's folder still is what was approved, and what changed."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import orjson

from wave_runner.core.workflow import Project
from wave_runner.project import folder as project_folder
from wave_runner.project.definitions import ActorManifest
from wave_runner.project.load import Reading, read_project
from wave_runner.project.mistakes import Mistake

# A file system's clock ticks in steps: two writes within one step can leave the same times. A file that changed more
# recently than this, at the moment it was read, is read again.
_TICK_NS = 100_000_000

Stat = tuple[int, int, int, int]
_GONE: Stat = (0, 0, 0, 0)


def diff(old: Mapping[str, bytes], new: Mapping[str, bytes], names: tuple[str, str] = ("approved", "now")) -> str:
    """Return a unified diff of two sets of files with these names, by path; "" where they are the same."""
    paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    return "".join(_file_diff(path, old.get(path), new.get(path), names) for path in paths)


def contents(actor: ActorManifest, fetch: Callable[[str], bytes]) -> dict[str, bytes]:
    """Return an actor's files and settings as texts for `diff`. `fetch` gives the bytes of a SHA-256 in hex."""
    settings = orjson.dumps(actor.settings, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    files = {path: fetch(sha256) for path, sha256 in actor.files.items()}
    return files | {f"settings of {actor.name}": settings, "lock file (SHA-256)": actor.lock.encode()}


class FolderWatch:
    """A project's folder, read again only when a file of it changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reading: Reading | None = None
        self._seen: dict[str, Stat] = {}
        self._settled = False

    def changed(self) -> bool:
        """Say whether a file may have changed since `read`: one `stat` for each file, no reading."""
        reading = self._reading
        return reading is None or not self._settled or self._stats(reading.whole()) != self._seen

    def read(self) -> Project:
        """Return the project: the same value as last time while nothing changed. Raises as `load_project` does."""
        return self._read().whole()

    def objections(self, workflow: str) -> list[Mistake]:
        """Return what speaks against a run of a workflow. Raises as `read` does."""
        return self._read().objections(workflow)

    def _read(self) -> Reading:
        if self._reading is None or self.changed():
            # A file that is written while we read has a change time after this one, and is then read again.
            started = time.time_ns()
            self._reading = None
            reading = read_project(self._folder)
            self._seen = self._stats(reading.whole())
            self._settled = max(stat[2] for stat in self._seen.values()) < started - _TICK_NS
            self._reading = reading
        return self._reading

    def _stats(self, project: Project) -> dict[str, Stat]:
        paths = {*project_folder.project_paths(self._folder), *project.files}
        return {path: _stat(self._folder / path) for path in sorted(paths)}


def _stat(file: Path) -> Stat:
    """Return size, inode and both times: the change time catches a file whose modification time was set back."""
    try:
        found = file.stat()
    except OSError:
        return _GONE
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _file_diff(path: str, old: bytes | None, new: bytes | None, names: tuple[str, str]) -> str:
    before = "/dev/null" if old is None else f"{names[0]}/{path}"
    after = "/dev/null" if new is None else f"{names[1]}/{path}"
    if b"\0" in (old or b"") + (new or b""):
        return f"Binary files {before} and {after} differ\n"
    lines = difflib.unified_diff(_lines(old), _lines(new), before, after)
    return "".join(_ended(lines))


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode(errors="replace").splitlines(keepends=True)


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
