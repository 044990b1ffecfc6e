"""From one wave straight to the next: what records the last opens the next, in one transaction and without a look.

A record that is alone would else wait, at each of its steps, for a commit, a look, a claim and two commits more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from wave_runner.core.interaction import State
from wave_runner.runner.prepare import Ahead, Ready, Stopped
from wave_runner.runner.steps import StepInHand
from wave_runner.store.database import Connection
from wave_runner.store.interactions import Move
from wave_runner.store.waves import Claiming, Queue, Wave

# So few are begun with their claim, and relayed. Of many the next wave is prepared while the database records the last,
# which is faster.
MOST = 16
# Without a look nobody sees what has become more urgent, nor a folder that has changed.
LONGEST_S = 1.0
# So long the transaction that has recorded a wave waits for what the next step reads of the user's tables.
READ_S = 0.02

Reading = asyncio.Task[Ahead | None]


@dataclass(frozen=True, kw_only=True)
class Going:
    """Items that have begun, and those that are to be quarantined instead."""

    started: Sequence[Ready]
    stopped: Sequence[Stopped]


@dataclass(kw_only=True)
class Opened:
    """A wave that has been claimed; `step` is that of its queue's head. `going` is None where nothing has begun yet."""

    queue: Queue
    step: StepInHand
    wave: Wave
    going: Going | None = None


@dataclass(frozen=True, kw_only=True)
class Following:
    """The queue that the next wave has been asked of; `step` is that of its head."""

    queue: Queue
    step: StepInHand
    claiming: Claiming


@dataclass(kw_only=True)
class Relay:
    """Opens the next wave in the transaction that records the last one. `stands` once that is known.

    What the next step names of its records is read beside that transaction, by another.
    """

    ask: Callable[[Connection, Sequence[Move]], Following | None]
    begin: Callable[[Connection, Opened, Reading], Awaitable[None]]
    read: Callable[[Sequence[Move]], Coroutine[Any, Any, Ahead | None]]
    opened: Opened | None = None
    stands: bool = False

    @asynccontextmanager
    async def reading(self, moves: Sequence[Move]) -> AsyncIterator[Reading]:
        """Read while the block records the moves; what has not been read by its end is let go."""
        self.opened = None  # what an earlier try has opened went with it
        async with beside(self.read(moves)) as reading:
            yield reading

    async def open(self, connection: Connection, following: Following, ahead: Reading) -> None:
        """Begin what has been claimed, if anything was: the last thing that the transaction does."""
        wave = await following.claiming.wave()
        if wave is not None:
            self.opened = Opened(queue=following.queue, step=following.step, wave=wave)
            await self.begin(connection, self.opened, ahead)

    def keep(self, held: Collection[int]) -> None:
        """Go on with what is held of the opened wave, by interaction: nobody knew whether its COMMIT was heard."""
        if self.opened is not None and self.opened.going is not None:
            going = self.opened.going
            started = [one for one in going.started if one.item.interaction_id in held]
            self.opened.going = Going(started=started, stopped=going.stopped)
            self.stands = bool(started)


@asynccontextmanager
async def beside(read: Coroutine[Any, Any, Ahead | None]) -> AsyncIterator[Reading]:
    """Read while the block goes on; what has not been read by its end is let go."""
    reading = asyncio.ensure_future(read)
    try:
        yield reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def soon(reading: Reading) -> Ahead | None:
    """Return what has been read, or None if it takes long: a transaction waits for it, with what it has locked."""
    done, _ = await asyncio.wait([reading], timeout=READ_S)
    return reading.result() if done else None


def next_step(moves: Sequence[Move]) -> int | None:
    """Return the step, by `run_step_id`, that follows from these moves, if the rows that it reads stay as they are."""
    if any(move.writes or move.effects for move in moves):
        return None
    found = {move.run.steps[place.step].run_step_id for move in moves for place in move.follows.children}
    return found.pop() if len(found) == 1 else None


def next_queue(moves: Sequence[Move]) -> int | None:
    """Return the queue that all goes to which follows from these moves; None if it is too much, or no one queue."""
    found: set[int] = set()
    if sum(len(move.follows.children) for move in moves) > MOST:
        return None
    for move in moves:
        follows = move.follows
        if move.state is not State.COMPLETED or move.fan_out_step is not None or follows.skipped or follows.inputs:
            return None
        found.update(move.run.steps[place.step].queue_id for place in follows.children)
    return found.pop() if len(found) == 1 else None
