"""Every error a person can meet, in one family.

::

    WaveError                     exit 70  our bug, unless a member below says otherwise
    ├── ProjectError              exit 2   a file of the project is wrong: path, line, what to do
    ├── SettingsError             exit 2   wave.toml's or the environment's settings cannot be used
    ├── DatabaseError             exit 3   the database cannot be reached, is too old, or is not ours
    │   └── EmbeddedDatabaseError exit 3   the PostgreSQL that comes with the package cannot run here
    ├── ModelServerError          exit 1   a model server cannot be started or reached, or weights are missing
    ├── ActorError                exit 1   an actor cannot be started at all
    ├── AnswerError               exit 2   what a person answers does not fit the form of the task
    ├── NotFoundError             exit 4   a name or key that does not exist, with the nearest that does
    └── ConflictError             exit 5   somebody or something else decided: drift, a stale selection, another project

What an actor does wrong with one item is a value (`wave_runner.core.outcome`), never one of these.
"""

from __future__ import annotations

import errno
from pathlib import Path


class WaveError(Exception):
    """What happened, to what, and what to do (`hint`); the CLI prints both and exits with `exit_code`."""

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        """The error's place in the family, for programs: "not_found" for `NotFoundError`."""
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(self).__name__)
        return words.strip("_").removesuffix("_error")


class ProjectError(WaveError):
    """A file of the project is wrong. `path` and `line` (1-based, 0 if unknown) say where, `said` is what, alone.

    `rule` is a name of `wave_runner.core.lint.rules`.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, path: Path | None = None, line: int = 0, hint: str = "", rule: str = "bad_value"
    ) -> None:
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(where + message, hint=hint)
        self.said = message
        self.path = path
        self.line = line
        self.rule = rule


class SettingsError(WaveError):
    """A setting in wave.toml or the environment cannot be used."""

    exit_code = 2


class DatabaseError(WaveError):
    """The database cannot be reached, is older than we can use, or belongs to another project."""

    exit_code = 3


class EmbeddedDatabaseError(DatabaseError):
    """The PostgreSQL that comes with the package cannot run on this directory."""


class ModelServerError(WaveError):
    """A model server cannot be started or reached, or the weights it needs are not there."""

    exit_code = 1


class ActorError(WaveError):
    """An actor cannot be started at all."""

    exit_code = 1


class AnswerError(WaveError):
    """What a person answers does not fit the form of the task, or says nothing; nothing has changed."""

    exit_code = 2


class NotFoundError(WaveError):
    """A name or key that does not exist."""

    exit_code = 4


class ConflictError(WaveError):
    """Somebody or something else decided first: drift, a stale selection, another project's schema."""

    exit_code = 5


NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def has_no_room(error: OSError) -> bool:
    """Say whether a disk is full, or a quota or limit of ours: what can be waited for, and is nobody's mistake."""
    return error.errno in NO_ROOM
