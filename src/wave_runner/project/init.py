"""A new project folder from one of the templates that come with the package."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from wave_runner.core.nearest import did_you_mean
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.project.folder import WAVE_TOML

_EMPTY_ID = re.compile(r'^id = ""', re.MULTILINE)


def templates() -> list[str]:
    """Return the names that `init_project` knows."""
    folders = files("wave_runner.projects").iterdir()
    return sorted(folder.name for folder in folders if folder.joinpath(WAVE_TOML).is_file())


def init_project(folder: Path, template: str = "job_postings") -> None:
    """Make `folder` a project with an id of its own. It must be new or empty: nothing is ever overwritten."""
    if template not in templates():
        raise NotFoundError(f"there is no template {template}", hint=did_you_mean(template, templates()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConflictError(f"{folder} is not empty", hint="name a folder that does not exist yet")
        _copy(template, folder)
    except OSError as error:
        raise ProjectError(f"the project cannot be written: {error.strerror or error}", path=folder) from error


def _copy(template: str, folder: Path) -> None:
    for path, content in _files_below(files("wave_runner.projects") / template):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_with_id(content) if path == WAVE_TOML else content)
    # The database, the weights and the logs of this project live there; none of it belongs under version control.
    (folder / ".gitignore").write_text(".env\n.wave/\n__pycache__/\n", encoding="utf-8")


def _with_id(content: bytes) -> bytes:
    text, count = _EMPTY_ID.subn(f'id = "{uuid.uuid4()}"', content.decode(), count=1)
    if not count:
        raise ProjectError(f'the template\'s {WAVE_TOML} has no line `id = ""` to fill')
    return text.encode()


def _files_below(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _files_below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
