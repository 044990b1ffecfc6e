"""The loop that makes records interactions, chunk by chunk: those of an open `each`, and those of a `select`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from wave_runner.runner.steps import Steps
from wave_runner.store import runs, selections
from wave_runner.store.database import Database, DataRefused, Unavailable
from wave_runner.store.selections import Candidate, Selection, Source

log = logging.getLogger("wave_runner.runner")

# Candidates that one question to the user's tables brings: its query is asked again for the next ones.
PAGE = 50_000


@dataclass(frozen=True, kw_only=True)
class Page:
    """Candidates that were read and not dealt with yet; `whole` if there are none behind them."""

    run_id: int
    before: str | None  # the key in front of the first one
    candidates: Sequence[Candidate]
    whole: bool

    def at(self, selection: Selection) -> Page | None:
        """Return what of the page lies behind the place where a selection stands; None if it is on another page."""
        if self.run_id != selection.run_id:
            return None
        if self.before == selection.after_key:
            return self
        keys = [candidate.key for candidate in self.candidates]
        return self.behind(keys.index(selection.after_key) + 1) if selection.after_key in keys else None

    def behind(self, done: int) -> Page:
        """Return the page without its first candidates."""
        return replace(self, before=self.candidates[done - 1].key, candidates=self.candidates[done:])


class Fanner:
    """Each chunk is a transaction of its own: one that is killed goes on where it was."""

    def __init__(
        self, database: Database, *, runner_id: UUID, steps: Steps, wake_lanes: Callable[[], None], page: int = PAGE
    ) -> None:
        self._database = database
        self._runner_id = runner_id
        self._steps = steps
        self._wake_lanes = wake_lanes
        self._size = page
        self._page: Page | None = None

    async def one_pass(self) -> bool:
        """Do one chunk. False if no fan-out is open."""
        if not await runs.has_open_fan_out(self._database):
            return False
        worked = await runs.fan_out_chunk(self._database, runner_id=self._runner_id) or await self._select()
        if worked:
            self._wake_lanes()
        return worked

    async def _select(self) -> bool:
        selection = await selections.open_one(self._database)
        if selection is None:
            return False
        try:
            return await self._begin_chunk(selection)
        except DataRefused as error:
            refused = error
        except Unavailable as error:
            if error.passes:
                raise
            refused = DataRefused(str(error), sqlstate=error.sqlstate)
        log.warning(
            "run %s: nothing can be selected: %s", selection.run_id, refused, extra={"run_id": selection.run_id}
        )
        await selections.fail(self._database, selection, refused, runner_id=self._runner_id)
        return True

    async def _begin_chunk(self, selection: Selection) -> bool:
        step = await self._steps.of_run(selection.run_step_id)
        source = Source(tables=step.tables, query=step.selector, columns=step.columns_read)
        page = await self._page_of(selection, source)
        # Nobody knows how many of the candidates will be begun; of a canary not one more than it has room for.
        left = runs.FAN_OUT_CHUNK if selection.room is None else selection.room - selection.begun
        chunk = page.candidates[: min(runs.FAN_OUT_CHUNK, left)]
        last = page.whole and len(chunk) == len(page.candidates)
        begun = await selections.begin(self._database, selection, source, chunk, last=last, runner_id=self._runner_id)
        if begun and chunk:
            self._page = page.behind(len(chunk))
        return begun

    async def _page_of(self, selection: Selection, source: Source) -> Page:
        """Return the candidates that come next: what is at hand and nobody has dealt with, else new ones."""
        page = self._page.at(selection) if self._page is not None else None
        if page is None or not (page.candidates or page.whole):
            found = await selections.candidates(self._database, selection, source, size=self._size)
            whole = len(found) < self._size
            page = Page(run_id=selection.run_id, before=selection.after_key, candidates=found, whole=whole)
        self._page = page
        return page
