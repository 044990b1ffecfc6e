"""The files of a project folder that its definitions are made of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from wave_runner.errors import ProjectError

WAVE_TOML = "wave.toml"
FOLDERS = ("workflows", "prompts", "schemas", "actors", "sql")
MAX_FILE_BYTES = 16 * 1024 * 1024

_LOCK = re.compile(r"requirements[\w.-]*\.txt|pylock(\.[\w-]+)?\.toml")
_LEFT_OUT = re.compile(r"\..*|__pycache__|.*\.py[co]|.*~|#.*#")


def find_project(start: Path) -> Path:
    """Return the folder that holds wave.toml: `start` or the nearest folder above it."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / WAVE_TOML).is_file():
            return folder
    message = f"there is no {WAVE_TOML} in {start} or in any folder above it"
    raise ProjectError(message, hint="make a project with `wave init DIR`, or name one with --project DIR")


def is_lock_file(path: str) -> bool:
    """Say whether a file at the top of the project pins what the actors' own imports resolve to."""
    return _LOCK.fullmatch(path) is not None


def project_paths(folder: Path) -> list[str]:
    """Return the path of every file that belongs to the project's definitions, sorted; wave.toml first."""
    if not folder.is_dir():
        return [WAVE_TOML]
    top = sorted(entry.name for entry in os.scandir(folder) if is_lock_file(entry.name) and entry.is_file())
    below = [path for name in FOLDERS for path in paths_below(folder, name)]
    return [WAVE_TOML, *top, *sorted(below)]


def paths_below(folder: Path, name: str) -> Iterator[str]:
    """Yield the files below one folder of the project, without hidden files, caches and editors' copies."""
    if not (folder / name).is_dir():
        return
    for entry in os.scandir(folder / name):
        if _LEFT_OUT.fullmatch(entry.name):
            continue
        path = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from paths_below(folder, path)
        else:
            yield path


def read(folder: Path, path: str) -> bytes:
    """Return a file's bytes. A link that leads out of the project is refused: its bytes would not be the project's."""
    file = folder / path
    try:
        if not file.resolve(strict=True).is_relative_to(folder.resolve()):
            raise ProjectError("this link leads out of the project", path=file, hint="copy the file into the project")
        if not file.is_file():
            raise ProjectError("this is no ordinary file", path=file)
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ProjectError(f"this file is larger than {MAX_FILE_BYTES // 1024**2} MiB", path=file)
        return file.read_bytes()
    except OSError as error:
        raise ProjectError(f"this file cannot be read: {error.strerror or error}", path=file) from error
