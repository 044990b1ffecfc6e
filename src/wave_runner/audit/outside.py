"""Checkpoints outside the database: whoever can change everything in there cannot change these.

One file a day, `2026-12-01.notes`, to which each note is appended with an empty line after it. What was torn by a crash
is passed over when it is read, and the next note begins on a line of its own.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from wave_runner.core.epoch import epoch_of, is_newer
from wave_runner.core.note import Checkpoint, Note, NoteError

SUFFIX = ".notes"
TAIL = 1 << 16  # bytes: many notes; only the end of a day's file is read
# An empty line that no signature follows stands behind a note.
BETWEEN = re.compile(r"(?<=\n)\n(?!— )")


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The folder of checkpoints."""

    folder: Path

    def append(self, note: str, *, day: str) -> None:
        """Add a note to the file of a day, such as 2026-12-01, and wait until the disk has it. Raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{day}{SUFFIX}").open("ab+") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2))
            torn = file.read() not in (b"", b"\n\n")
            file.write((b"\n\n" if torn else b"") + note.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def newest(self, log: str) -> tuple[Checkpoint, str] | None:
        """Return the newest checkpoint of a log, with its note; None where there is none. Raises `OSError`.

        Signatures are not looked at: whoever writes here can stop the sealer, and that is to be seen, not passed over.
        """
        for path in sorted(self.folder.glob(f"*{SUFFIX}"), reverse=True):
            newest: tuple[Checkpoint, str] | None = None
            for checkpoint, note in _checkpoints(_tail(path)):
                if epoch_of(checkpoint.origin)[0] == log and (newest is None or is_newer(checkpoint, newest[0])):
                    newest = checkpoint, note
            if newest is not None:
                return newest
        return None


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        return file.read().decode(errors="replace")


def _checkpoints(text: str) -> list[tuple[Checkpoint, str]]:
    found = []
    for note in BETWEEN.split(text):
        try:
            found.append((Checkpoint.parse(Note.parse(note).text), note))
        except NoteError:
            continue  # the beginning was cut off, or a crash has torn it
    return found
