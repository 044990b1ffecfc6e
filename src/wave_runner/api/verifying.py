"""The log verified by `wave audit verify`, in a process of its own, for who asks by HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wave_runner.errors import ConflictError

# Isolated: a file of the folder that the server stands in must not be taken for a module.
WAVE = (sys.executable, "-I", "-c", "from wave_runner.cli.main import main; main()")
LAST_WORDS_S = 5.0
NOT_DONE = "not done"


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A verification that has not ended."""

    by: str
    began_at: datetime


@dataclass(frozen=True, kw_only=True)
class Found:
    """What does not hold, at which place of the log and in which event, as far as that is known; and why."""

    log_index: int | None
    event_id: int | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of the last verification that this process has begun. `result` is `ok`, `tampered` or `incomplete`.

    It is `not done` where the command could not verify anything; `says` is what it has said then. `count` is how many
    things do not hold, `findings` are the first of them.
    """

    by: str
    ended_at: datetime
    result: str
    says: str
    count: int
    findings: Sequence[Found]


class Verifying:
    """Verifies one at a time: it takes minutes of a large log, and memory, while others are answered here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Process | None = None
        self._waiting: asyncio.Task[None] | None = None
        self.under_way: UnderWay | None = None
        self.last: Outcome | None = None

    async def begin(self, person: str) -> UnderWay:
        """Begin a verification in a person's name. Raises `ConflictError` while another one is under way."""
        if self.under_way is not None:
            raise ConflictError(
                f"the log is being verified already, for {self.under_way.by}", hint="its result is shown when it ends"
            )
        self.under_way = begun = UnderWay(by=person, began_at=datetime.now(UTC))
        try:
            words = ("--project", str(self._folder), "audit", "verify", "--json", "--as", person)
            self._process = await asyncio.create_subprocess_exec(*WAVE, *words, stdout=PIPE, stderr=PIPE)
        except OSError:
            self.under_way = None
            raise
        self._waiting = asyncio.create_task(self._wait(self._process, person))
        return begun

    async def end(self) -> None:
        """Give up what is under way: this process is about to end."""
        if self._process is None or self._waiting is None or self._waiting.done():
            return
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            self._process.terminate()
        try:
            await asyncio.wait_for(self._waiting, LAST_WORDS_S)
        except TimeoutError:
            self._process.kill()

    async def _wait(self, process: Process, person: str) -> None:
        try:
            out, error = await process.communicate()
            self.last = _outcome(person, out.decode("utf-8", "replace"), error.decode("utf-8", "replace"))
        finally:
            self.under_way = None


def _outcome(person: str, out: str, error: str) -> Outcome:
    said = _document(out)
    if said is None:
        return Outcome(by=person, ended_at=datetime.now(UTC), result=NOT_DONE, says=_said(error), count=0, findings=[])
    return Outcome(
        by=person,
        ended_at=datetime.now(UTC),
        result=said["result"],
        says="",
        count=said["count"],
        findings=[
            Found(log_index=one["log_index"], event_id=one["event_id"], why=one["why"]) for one in said["findings"]
        ],
    )


def _said(error: str) -> str:
    """Return what a command says that could not do it: its last line, which is a document where it had one to write."""
    last = next(reversed(error.strip().splitlines()), "the command has ended and said nothing")
    said = _document(last)
    return last if said is None else str(said.get("message", last))


def _document(out: str) -> dict[str, Any] | None:
    try:
        said = json.loads(out)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
