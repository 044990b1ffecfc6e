"""The lane of queries: one statement for a whole wave, in this process, beside scripts and models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from wave_runner.actors import sql
from wave_runner.core.outcome import Outcome, Usage
from wave_runner.runner.lane import Lane
from wave_runner.runner.prepare import Ready
from wave_runner.runner.record import record
from wave_runner.store import queries, waves
from wave_runner.store.database import DataRefused, Unavailable
from wave_runner.store.queries import Answered, WaveItem


@dataclass(kw_only=True, eq=False)
class SqlLane(Lane):
    """One lane; a runner has one, so that a slow query costs it one connection at most."""

    name = "sql"
    first_wave = 1000
    largest_wave = 10_000

    async def _work(self, wave: waves.Wave, ready: Sequence[Ready]) -> int:
        began = time.monotonic()
        outcomes = await self._answers(ready)
        self.pace.measure(wave.queue_id, (time.monotonic() - began) / len(ready))
        return await record(
            self.database,
            wave,
            [(one, outcomes[one.item.interaction_id]) for one in ready],
            self.texts,
            relay=self.relay,
        )

    async def _answers(self, ready: Sequence[Ready]) -> dict[int, Outcome]:
        """Return each item's outcome. What one item's values caused is found by halving; the others go through."""
        began = time.monotonic()
        try:
            answered = await self._ask(ready)
        except (DataRefused, Unavailable) as error:
            if isinstance(error, Unavailable) and not error.answered:
                raise  # nobody's fault: the work is given back
            if len(ready) == 1 or not error.sqlstate.startswith(sql.ONE_ITEMS_FAULT):
                failed = sql.refused(str(error), error.sqlstate, usage=_share(began, ready))
                return {one.item.interaction_id: failed for one in ready}
        else:
            return _outcomes(answered, ready, _share(began, ready))
        middle = len(ready) // 2
        return await self._answers(ready[:middle]) | await self._answers(ready[middle:])

    async def _ask(self, ready: Sequence[Ready]) -> dict[int, Answered]:
        """Run the statement. All of a wave share one query: that is what the queue's work key says."""
        text = ready[0].step.query
        assert text is not None, "a queue of the sql lane holds steps that are queries"
        items = [
            WaveItem(
                interaction_id=one.item.interaction_id, record_id=one.item.record_id, key=one.item.key, input=one.text
            )
            for one in ready
        ]
        began = time.monotonic()
        async with self.database.querying() as connection:
            answered = await queries.answer(connection, text, items, timeout_s=self.limit_s)
        # One attempt, as far as its time is concerned: the limit is that of the statement.
        self.pace.took(ready[0].step.run_step.queue_id, int((time.monotonic() - began) * 1_000_000))
        return answered


def _outcomes(answered: dict[int, Answered], ready: Sequence[Ready], usage: Usage) -> dict[int, Outcome]:
    strays = answered.pop(0, None)
    if strays is not None:
        # Nobody asked for them: a query that answers for others may have mixed up these as well.
        failed = sql.strays(strays.rows, usage=usage)
        return {one.item.interaction_id: failed for one in ready}
    return {item: sql.outcome(found.rows, found.row, usage=usage) for item, found in answered.items()}


def _share(began: float, ready: Sequence[Ready]) -> Usage:
    """Return one item's share of the statement's time."""
    return Usage(service_us=int((time.monotonic() - began) * 1_000_000 / len(ready)))
