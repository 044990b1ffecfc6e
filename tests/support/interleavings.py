"""Every order in which the steps of two database sessions can come, each of them played on real PostgreSQL.

Steps are given one by one. One that does not come back waits for a lock of the other session, which then goes on.
PostgreSQL is asked whether that is so: a slow machine makes nothing look like a lock, and changes no order.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from wave_runner.store.database import Connection, Database

PATIENCE_S = 30.0
# After so long a step that has not come back may be one that waits.
LOOK_S = 0.01

# Blocked by one of the two; what else goes on in the server passes by itself.
WAITING = "SELECT bool_and(pg_blocking_pids(pid) && %(both)s::int[]) AS so FROM unnest(%(busy)s::int[]) AS busy (pid)"

Step = Callable[[], Awaitable[None]]
T = TypeVar("T")
A = TypeVar("A", bound="Session")
B = TypeVar("B", bound="Session")


class Session:
    """One side: a transaction of the product's own, which is begun and committed as steps of their own.

    `refusals` are errors that are an answer: the transaction is rolled back, and the steps behind are not done.
    """

    refusals: tuple[type[Exception], ...] = ()

    def __init__(self, database: Database) -> None:
        self.database = database
        self.refused: Exception | None = None
        self._open: Connection | None = None
        self._transaction = AsyncExitStack()
        self._turn = asyncio.Lock()  # who waits for it gets it in order

    @property
    def steps(self) -> Sequence[Step]:
        """What this side does, in its own order."""
        raise NotImplementedError

    @property
    def connection(self) -> Connection:
        assert self._open is not None, "no transaction is open"
        return self._open

    @property
    def pid(self) -> int | None:
        """The server's process that serves this side at the moment."""
        return self._open.info.backend_pid if self._open else None

    async def begin(self) -> None:
        assert self._open is None, "a transaction is open already"
        self._open = await self._transaction.enter_async_context(self.database.transaction())

    async def commit(self) -> None:
        await self._transaction.aclose()
        self._open = None

    async def roll_back(self, error: BaseException) -> None:
        """Leave the transaction as an error leaves it, if one is open."""
        await self._transaction.__aexit__(type(error), error, error.__traceback__)
        self._open = None

    async def transact(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something in a transaction of its own, all within one step."""
        await self.begin()
        result = await act(self.connection)
        await self.commit()
        return result

    async def take(self, step: Step) -> bool:
        """Do a step after those before it. False if the side has been refused."""
        async with self._turn:
            if self.refused is not None:
                return False
            try:
                await step()
            except Exception as error:
                await self.roll_back(error)
                if not isinstance(error, self.refusals):
                    raise
                self.refused = error
            return True


class Joined(Database):
    """A database whose every transaction is a part of the one that a session has open."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        yield self._session.connection


@dataclass(kw_only=True)
class Played:
    """One order and how it went: the steps as they came back, and those that waited for the other side."""

    order: str
    came_back: list[str] = field(default_factory=list)
    waited: set[str] = field(default_factory=set)

    def before(self, one: str, other: str) -> bool:
        """Say whether one step came back before another one."""
        return self.came_back.index(one) < self.came_back.index(other)


def orders(a: int, b: int) -> Iterator[str]:
    """Every merge of `a` steps of A and `b` steps of B, as a word of these letters."""
    for places in itertools.combinations(range(a + b), a):
        yield "".join("A" if place in places else "B" for place in range(a + b))


async def every_order(
    database: Database,
    set_up: Callable[[], Awaitable[tuple[A, B]]],
    check: Callable[[A, B, Played], Awaitable[None]],
) -> list[Played]:
    """Play each order of two new sides and check what it has led to."""
    a, b = await set_up()
    found = []
    for number, order in enumerate(orders(len(a.steps), len(b.steps))):
        if number:
            a, b = await set_up()
        with _named(order, a, b):
            played = await play(database, order, a, b)
            await check(a, b, played)
        found.append(played)
    return found


async def play(database: Database, order: str, a: Session, b: Session) -> Played:
    """Give the steps of two sides in this order; `database` is where to ask who waits."""
    sides = {"A": a, "B": b}
    left = {who: iter(side.steps) for who, side in sides.items()}
    under_way: dict[str, list[str]] = {"A": [], "B": []}
    played = Played(order=order)

    async def take(who: str, step: Step) -> None:
        name = f"{who}.{step.__name__}"
        under_way[who].append(name)
        if await sides[who].take(step):
            played.came_back.append(name)
        under_way[who].remove(name)

    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            tasks: set[asyncio.Task[None]] = set()
            for who in order:
                tasks.add(group.create_task(take(who, next(left[who]))))
                while tasks:
                    done, tasks = await asyncio.wait(tasks, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                    busy = [who for who, names in under_way.items() if names]
                    if not done and await _all_wait(database, sides, busy):
                        played.waited |= {under_way[who][0] for who in busy}
                        break
        assert a.pid is None, "A has not ended"
        assert b.pid is None, "B has not ended"
    except BaseException as error:
        for side in sides.values():
            await side.roll_back(error)
        raise
    return played


async def _all_wait(database: Database, sides: Mapping[str, Session], busy: Iterable[str]) -> bool:
    """Say whether each of the busy sides waits for the other one."""
    asked = [sides[who].pid for who in busy]
    if None in asked:
        return False
    given = {"busy": asked, "both": [side.pid for side in sides.values() if side.pid is not None]}
    async with database.transaction() as connection:
        cursor = await connection.execute(WAITING, given)
        return bool((await cursor.fetchall())[0]["so"])


@contextmanager
def _named(order: str, a: Session, b: Session) -> Iterator[None]:
    """Let what fails say in which order it did."""
    try:
        yield
    except BaseException as error:
        left = {"A": iter(a.steps), "B": iter(b.steps)}
        error.add_note("in the order " + ", ".join(f"{who}.{next(left[who]).__name__}" for who in order))
        raise
