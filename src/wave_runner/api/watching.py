"""One look a second for all who watch: what has changed is told to each of them, merged until they have taken it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from wave_runner.store import changes
from wave_runner.store.changes import Change
from wave_runner.store.database import Database, Unavailable

log = logging.getLogger(__name__)

LOOK_S = 1.0
MOST = 200
MOST_OF_ONE = 12
EVERYTHING = Change(kinds=frozenset({"*"}))
"""Nobody knows what has changed meanwhile: all of it is to be read anew."""


class Watcher:
    """Somebody who watches. `take` waits for what has changed since it was last taken."""

    def __init__(self) -> None:
        self._pending = Change()
        self._told = asyncio.Event()
        self.ended = False

    def tell(self, change: Change) -> None:
        """Have it told, together with what is not taken yet."""
        self._pending |= change
        self._told.set()

    def end(self) -> None:
        """Let whoever takes from it come to an end."""
        self.ended = True
        self._told.set()

    async def take(self, patience_s: float) -> Change:
        """Return what has changed; nothing where nothing has for so long, or where it has ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), patience_s)
        self._told.clear()
        taken, self._pending = self._pending, Change()
        return taken


class Watching:
    """Looks as long as anybody watches, and no longer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[Watcher, str] = {}
        self._looking: asyncio.Task[None] | None = None
        self._ended = False

    def full(self, person: str) -> str:
        """Say why this person cannot watch once more; "" where they can."""
        if len(self._watchers) >= MOST:
            return f"{MOST} streams are open already"
        theirs = sum(who == person for who in self._watchers.values())
        return f"{person} has {theirs} streams open already" if theirs >= MOST_OF_ONE else ""

    @contextlib.asynccontextmanager
    async def watch(self, person: str) -> AsyncIterator[Watcher]:
        """Give a person a watcher for as long as the block lasts."""
        watcher = Watcher()
        watcher.tell(EVERYTHING)  # what has changed since its reader was here last is not known
        self._watchers[watcher] = person
        if self._ended:
            watcher.end()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)
        try:
            yield watcher
        finally:
            self._watchers.pop(watcher, None)
            if not self._watchers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def end(self) -> None:
        """Let every stream end: the process is about to."""
        self._ended = True
        for watcher in self._watchers:
            watcher.end()

    async def _look(self) -> None:
        seen: str | None = None
        while True:
            try:
                if seen is None:
                    seen = await changes.now(self._database)
                    self._tell(EVERYTHING)
                else:
                    change, seen = await changes.since(self._database, seen)
                    self._tell(change)
            except Unavailable as error:
                log.warning("the database is away (%s); what changes meanwhile is told when it is back", error)
                seen = None
            await asyncio.sleep(LOOK_S)

    def _looked(self, task: asyncio.Task[None]) -> None:
        """Let nobody wait for what will never be told: their readers come again, and it is looked anew."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a bug: nothing is told of what has changed", exc_info=error)
            self._looking = None
            for watcher in self._watchers:
                watcher.end()

    def _tell(self, change: Change) -> None:
        if change:
            for watcher in self._watchers:
                watcher.tell(change)
