"""What is asked of the database without waiting travels in one message, and its answers come in one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from uuid import uuid4

import pytest
from psycopg import errors
from tests.support.database import fresh_database
from tests.support.fault_proxy import Cut, FaultProxy

from wave_runner.store.database import Database, Unavailable, ask, conclude, fetch
from wave_runner.store.messages import MOST_PREPARED, Question, rows

HELD = {"wave_id": 0, "ids": [0]}
WITHOUT_IDS = {"wave_id": 0, "ids": ["no number"]}
RUNNER = {
    "runner_id": uuid4(),
    "host": "here",
    "pid": 1,
    "version": "1",
    "labels": ["a"],
    "servers": ["b"],
    "script_slots": 1,
}
RUNNERS = "SELECT count(*) AS n FROM runners"
KEPT = "SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'SELECT % AS n' ORDER BY prepare_time"

Act = Callable[[Database], Awaitable[None]]


@pytest.fixture
def proxy(session_database: str, migrated: str) -> Iterator[FaultProxy]:
    with fresh_database(session_database, template=migrated) as url, FaultProxy(url) as proxy:
        yield proxy


def do(proxy: FaultProxy, act: Act) -> None:
    """Act on a pool of one connection, so that a session is met again."""

    async def within() -> None:
        database = Database(proxy.url, schema="wave", size=1)
        await database.open()
        try:
            await act(database)
        finally:
            await database.close()

    asyncio.run(within())


async def runners(database: Database) -> int:
    async with database.transaction() as connection:
        [row] = await (await connection.execute(RUNNERS)).fetchall()
        return int(row["n"])


def test_a_transaction_that_says_nothing_is_none(proxy: FaultProxy):
    async def act(database: Database) -> None:
        before = proxy.commits
        async with database.transaction():
            pass
        assert proxy.commits == before
        async with database.transaction() as connection:
            await fetch(connection, "interactions/held", HELD)
        assert proxy.commits == before + 1

    do(proxy, act)


def test_what_is_asked_and_not_waited_for_stands_too(proxy: FaultProxy):
    async def act(database: Database) -> None:
        async with database.transaction() as connection:
            ask(connection, "runners/register", RUNNER)
        assert await runners(database) == 1

    do(proxy, act)


def test_nothing_stands_of_a_message_with_a_statement_that_fails(proxy: FaultProxy):
    """What it says is the error of the first that fails, whoever asks for an answer."""

    async def fails(database: Database) -> None:
        async with database.transaction() as connection:
            ask(connection, "runners/register", RUNNER)
            ask(connection, "interactions/held", WITHOUT_IDS)
            await ask(connection, "interactions/held", HELD).rows()

    async def act(database: Database) -> None:
        with pytest.raises(errors.InvalidTextRepresentation):
            await fails(database)
        assert await runners(database) == 0

    do(proxy, act)


def test_the_driver_says_nothing_before_what_has_been_asked(proxy: FaultProxy):
    async def act(database: Database) -> None:
        async with database.transaction() as connection:
            ask(connection, "runners/register", RUNNER)
            [row] = await (await connection.execute(RUNNERS)).fetchall()
            assert row["n"] == 1

    do(proxy, act)


def test_an_error_of_the_caller_takes_back_what_has_been_asked(proxy: FaultProxy):
    async def fails(database: Database) -> None:
        async with database.transaction() as connection:
            ask(connection, "runners/register", RUNNER)
            raise ZeroDivisionError

    async def act(database: Database) -> None:
        with pytest.raises(ZeroDivisionError):
            await fails(database)
        assert await runners(database) == 0

    do(proxy, act)


def test_a_session_goes_on_after_a_statement_that_could_not_be_prepared(proxy: FaultProxy):
    """What was to be prepared behind the one that failed is prepared the next time."""

    async def fails(database: Database) -> None:
        async with database.transaction(by_key=True) as connection:
            ask(connection, "interactions/held", WITHOUT_IDS)
            await ask(connection, "runners/register", RUNNER).rows()

    async def act(database: Database) -> None:
        for _ in range(2):
            with pytest.raises(errors.InvalidTextRepresentation):
                await fails(database)
        async with database.transaction(by_key=True) as connection:
            assert await ask(connection, "interactions/held", HELD).rows() == []
            await ask(connection, "runners/register", RUNNER).rows()
        assert await runners(database) == 1

    do(proxy, act)


def test_a_session_keeps_only_so_many_plans(proxy: FaultProxy):
    """What was said longest ago goes first, and is prepared anew when it is said again."""
    texts = [f"SELECT {n} AS n".encode() for n in range(MOST_PREPARED + 20)]

    async def act(database: Database) -> None:
        async with database.transaction() as connection:
            for text in [*texts, texts[0]]:
                asked = Question(text=text, prepares=True)
                connection.ask(asked)
                await connection.answers()
                assert rows(connection, asked) == (["n"], [(int(text.split()[1]),)])
            found = [row["statement"] for row in await (await connection.execute(KEPT)).fetchall()]
        assert found == [text.decode() for text in [*texts[-MOST_PREPARED + 1 :], texts[0]]]

    do(proxy, act)


@pytest.mark.parametrize(("where", "stands"), [(Cut.BEFORE_COMMIT, 0), (Cut.AFTER_COMMIT, 1)])
def test_a_commit_with_its_last_statement_is_heard_whole_or_not_at_all(proxy: FaultProxy, where: Cut, stands: int):
    async def act(database: Database) -> None:
        await runners(database)
        proxy.cut(where, nth=1)
        with pytest.raises(Unavailable):
            async with database.transaction() as connection:
                await conclude(connection, ask(connection, "runners/register", RUNNER))
        assert await runners(database) == stands

    do(proxy, act)


def test_after_the_commit_nothing_more_is_committed(proxy: FaultProxy):
    async def act(database: Database) -> None:
        before = proxy.commits
        async with database.transaction() as connection:
            asked = ask(connection, "interactions/held", HELD)
            await conclude(connection, asked)
            assert await asked.rows() == []
        assert proxy.commits == before + 1

    do(proxy, act)
