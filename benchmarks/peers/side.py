"""What a peer's side is, and what the sides share: worker processes, the wait for the end, and bulk calls."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import Any, LiteralString

import psycopg

STEPS = 5
START_S = 60  # so long may the last worker take to be ready

Settings = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Side:
    """How one peer does the work, and how its own tables are asked what was done."""

    peer: str
    """The name of its distribution."""
    bulk: Callable[[str, int, Settings], None]
    """Takes so many records through the steps in the database of the address, with the settings."""
    one_by_one: Callable[[str, int, Settings], None]
    """Takes so many records through the steps, each put there when the one before it is recorded as done."""
    total: LiteralString
    """Selects the steps recorded as done, and the seconds from the first one's begin to the last one's record."""
    each: LiteralString
    """Selects for each record, by age, the steps recorded as done, and the milliseconds since its first could begin."""
    settings: Settings
    """What was found fastest for `bulk`."""
    latency_settings: Settings
    """The same for `one_by_one`."""


def as_in_use(url: str) -> None:
    """Give the planner its statistics, as autovacuum has done long since in a database that is in use."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


@contextlib.contextmanager
def workers(count: int, work: Callable[..., None], *arguments: Any) -> Iterator[Sequence[BaseProcess]]:
    """Run worker processes that begin together; they are killed at the end, when nothing is left for them to do."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(count + 1)
    processes = [spawn.Process(target=work, args=(barrier, *arguments), daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        ready(barrier)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def ready(barrier: Barrier) -> None:
    """Wait until every worker has opened what it needs, so that none works while another still starts."""
    barrier.wait(START_S)


def wait_until_done(url: str, left: LiteralString, look_s: float, processes: Sequence[BaseProcess] = ()) -> None:
    """Look every so often whether something is left, until nothing is."""
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(left).fetchone() == (True,):
            assert all(process.is_alive() for process in processes), "a worker has died"
            time.sleep(look_s)


class Together:
    """Gives to one bulk call what many jobs ask for at the same time.

    Each goes on when the call that has its item ends. One runs at a time; the next has what was asked for meanwhile.
    """

    def __init__(self, call: Callable[[list[Any]], Awaitable[Any]]) -> None:
        self._call = call
        self._one_at_a_time = asyncio.Lock()
        self._items: list[Any] = []
        self._next: asyncio.Task[None] | None = None

    async def add(self, item: Any) -> None:
        """Return when the item has been given to a call that has ended well."""
        if self._next is None:
            self._next = asyncio.create_task(self._give())
        self._items.append(item)
        await asyncio.shield(self._next)

    async def _give(self) -> None:
        async with self._one_at_a_time:
            items, self._items, self._next = self._items, [], None
            await self._call(items)
