"""Pinned bytes as a folder of read-only files, for what can only run from files."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def materialise(files: Mapping[str, bytes], root: Path, *, executable: str = "") -> None:
    """Make `root` a folder that holds exactly `files`, by path in it, which nobody may write to.

    Safe to call by several processes at once and again after any crash: the folder appears whole, or not at all. One
    that is there already is read and compared; if it differs, it is replaced. `executable` names the file to be run.
    """
    for path in files:
        if path.startswith("/") or ".." in PurePosixPath(path).parts or not path:
            raise ValueError(f"{path!r} is no path inside a folder")
    if _holds(root, files):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _holds(root, files):
            _make(root, files, executable)


def _make(root: Path, files: Mapping[str, bytes], executable: str) -> None:
    """Put a folder with these files in the place of whatever is there. The caller holds the lock."""
    for leftover in root.parent.glob(f".{root.name}.*"):
        _remove(leftover)  # of a process that was killed here
    fresh = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    _fill(fresh, files, executable)
    _remove(root)  # what differs from its hash is of no use to anyone
    fresh.rename(root)


def _remove(root: Path) -> None:
    if root.is_symlink() or root.is_file():
        root.unlink()
    elif root.exists():
        shutil.rmtree(root)


def _fill(root: Path, files: Mapping[str, bytes], executable: str) -> None:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o500 if path == executable else 0o400)
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o700)  # only its owner's; open to him, or he could not remove the project


def _holds(root: Path, files: Mapping[str, bytes]) -> bool:
    """Say whether the folder holds these files, these bytes and nothing else."""
    if root.is_symlink():
        return False
    found = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if not _is_folder(file)}
    return found.keys() == files.keys() and all(_has(found[path], content) for path, content in files.items())


def _is_folder(file: Path) -> bool:
    return stat.S_ISDIR(file.lstat().st_mode)


def _has(file: Path, content: bytes) -> bool:
    return not file.is_symlink() and file.read_bytes() == content
