"""Connections to PostgreSQL: one pool for the loop's work, and errors a person can act on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from wave_runner import crash_points
from wave_runner.core.canonical import JsonError
from wave_runner.errors import ConflictError, DatabaseError
from wave_runner.store.messages import Prepared, Question, composed, exchange, question, rows
from wave_runner.store.statements import statement

log = logging.getLogger("wave_runner.store")

OLDEST = 150000  # PostgreSQL 15: NULLS NOT DISTINCT

# Codes that another try may not meet again: connection, idle time, deadlock, no room, a lock, the server stops or fails
NOT_THE_DATA = ("08", "25P", "40", "53", "55P03", "57P", "58", "XX")

# The server cannot say whether a COMMIT was heard
NOBODY_KNOWS = "40003"

# A statement that has taken too long, or that somebody has cancelled
CANCELLED = "57014"

# A partition that answers nothing must show in seconds, long before a lease is lost (seconds, seconds, times, ms).
KEEPALIVE: Mapping[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# The same for the server: with its own settings it keeps the session of a host that has lost its power for two hours.
KEEPALIVE_THERE: Mapping[str, str] = {
    "tcp_keepalives_idle": str(KEEPALIVE["keepalives_idle"]),
    "tcp_keepalives_interval": str(KEEPALIVE["keepalives_interval"]),
    "tcp_keepalives_count": str(KEEPALIVE["keepalives_count"]),
    "tcp_user_timeout": str(KEEPALIVE["tcp_user_timeout"]),
}

# The server ends a transaction that its process has let hang.
IDLE_TOO_LONG = psycopg.errors.IdleInTransactionSessionTimeout
DROPPED = "WR001"  # what our own triggers answer for runs whose history was dropped, or is about to be

Row = dict[str, Any]
# So many times no statement is said in one session; None would forbid to prepare any.
NEVER = 2**62

T = TypeVar("T")

# After so long the pool begins its tries anew: by itself it doubles the time between them, up to minutes.
RECONNECT_S = 3.0

# Beyond what the server itself was told to allow a statement: it must have the first word.
SLACK_S = 5.0

# How long a transaction may wait for a query that is asked over another connection: longer than one may take.
WAITS_S = 60


class Connection(AsyncConnection[Row]):
    """A connection that is cut when it is silent for `answer_s` seconds in the middle of a question.

    A network that swallows everything gives no error by itself: what waits behind it would wait for ever.
    """

    answer_s = math.inf
    limit_s = 0.0  # the longest that this transaction has allowed a statement; 0: it has set no limit
    by_key = False  # whether this transaction plans by key
    is_direct = False  # whether the session is ours alone, with no pooler in between

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._asked: list[Question] = []
        self._opening = 0  # of what is asked, what only begins a transaction
        self._known: Prepared = {}

    def begin(self, texts: Sequence[bytes]) -> None:
        """Begin a transaction with the first statement that is said in it; one that says nothing costs nothing."""
        self._asked = [Question(text=text) for text in texts]
        self._opening = len(texts)

    @property
    def is_open(self) -> bool:
        """Whether something has been said or asked in a transaction that goes on."""
        return self.pgconn.transaction_status != TransactionStatus.IDLE or len(self._asked) > self._opening

    def ask(self, question: Question) -> None:
        """Ask it with the next message, whatever that is for."""
        self._asked.append(question)

    async def answers(self) -> None:
        """Send what has been asked, and wait until it is answered; raises the error of the first that fails."""
        async with self.lock:
            await self._say()

    def forget(self) -> None:
        """Ask nothing of what has been asked and not said."""
        self._asked.clear()

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109
        await self._say()  # the driver is about to say something else
        return await self._wait(gen, interval, timeout)

    async def _say(self) -> None:
        if self._asked:
            asked, self._asked = self._asked, []
            await self._wait(exchange(self.pgconn, asked, self._known))

    async def _wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109
        if self.answer_s == math.inf:
            return await super().wait(gen, interval, timeout)
        guard = asyncio.get_running_loop().call_later(self.answer_s, cut, self)
        try:
            return await super().wait(gen, interval, timeout)
        finally:
            guard.cancel()

    def allow(self, limit_s: float) -> None:
        """Wait for as long as the server was told to allow, for the rest of the transaction."""
        self.limit_s = max(self.limit_s, limit_s)
        self.answer_s = max(self.answer_s, limit_s + SLACK_S)


def cut(connection: AsyncConnection[Any] | psycopg.Connection[Any]) -> None:
    """End a connection from outside: whoever waits for its answer gets an error at once."""
    with (
        contextlib.suppress(OSError, psycopg.Error),  # it has ended by itself
        socket.socket(fileno=os.dup(connection.fileno())) as end,
    ):
        end.shutdown(socket.SHUT_RDWR)


class Unavailable(Exception):
    """The database did not answer, or asked for another try (deadlock, serialization). Nothing is known to stand.

    `sqlstate` is PostgreSQL's code; "" where it did not answer. `begun` is False where there was no connection at all.
    """

    def __init__(self, message: str, *, sqlstate: str = "", begun: bool = True) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.begun = begun

    @property
    def nothing_stands(self) -> bool:
        """Whether it is certain that nothing of the transaction stands: it never began, or the server refused it."""
        return not self.begun or (self.answered and self.sqlstate != NOBODY_KNOWS)

    @property
    def answered(self) -> bool:
        """Whether the server lives and refused this one statement: for want of room or of a lock, in a deadlock."""
        return self.sqlstate.startswith(("40", "53", "55", "58"))

    @property
    def passes(self) -> bool:
        """Whether the statement is not to blame: a deadlock, a full disk or too many clients pass by themselves."""
        return not self.answered or self.sqlstate.startswith("40") or self.sqlstate in ("53100", "53300")


class DataRefused(Exception):
    """The user's tables cannot take a value: wrong type, a constraint, a column that is not there. Nothing stands.

    `sqlstate` is PostgreSQL's code; "" where it was not the database that refused.
    """

    def __init__(self, message: str, *, sqlstate: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class Database:
    """A pool of connections with the project's schema in their search path.

    `transaction()` gives a connection inside a transaction that commits at the end of the block. The pool is fixed:
    more work than connections waits here, never at the server. A server that says nothing for `answer_s` seconds is
    given up, and what was asked of it is `Unavailable`. Nothing is left behind in a session, so that `url` may be that
    of a pooler which gives each transaction another one; `direct_url` goes past it. `query_url` is that of a user who
    may only read what queries of the project may. `is_replica`: another server's changes come here, and no other ones.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        direct_url: str | None = None,
        query_url: str | None = None,
        size: int = 6,
        name: str = "wave",
        answer_s: float = math.inf,
        is_replica: bool = False,
    ) -> None:
        self.url = url
        self.direct_url = direct_url or url
        self._query_url = query_url
        self.schema = schema
        self._answer_s = answer_s
        self._is_replica = is_replica
        configure = sql.SQL(statement("session/configure")).format(search_path=f'"{schema}", public')
        begin, repeatable = b"BEGIN", b"BEGIN ISOLATION LEVEL REPEATABLE READ"
        settings = configure.as_bytes()
        self._begin = (begin, settings)
        self._begin_by_key = (begin, settings, statement("session/plan_by_key").encode())
        self._begin_repeatable = (repeatable, settings)
        self._begin_frozen = (repeatable + b" READ ONLY", settings)
        self._begin_query = (b"BEGIN READ ONLY", settings)
        self._options: dict[str, Any] = {
            "row_factory": dict_row,
            "application_name": name,
            "connect_timeout": 10,
            "prepare_threshold": NEVER,  # by itself
            "autocommit": True,  # a transaction begins with more than BEGIN, said in one message
            **KEEPALIVE,
        }
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=30,
            reconnect_timeout=RECONNECT_S,
            reconnect_failed=_try_anew,
            kwargs=self._options,
            connection_class=Connection,
            configure=_look_at,
        )

    async def open(self, *, reached: bool = False) -> None:
        """Open the first connection; raises `DatabaseError` saying which host and what to check.

        `reached`: somebody has just been connected there, so that this need not be tried first.
        """
        try:
            if not reached:
                async with await AsyncConnection.connect(self.url, connect_timeout=10, **KEEPALIVE) as probe:
                    check_server(probe.info.server_version, conninfo_to_dict(self.url))
            await self._pool.open(wait=True)
        except psycopg.Error as error:
            raise explain(self.url, error) from error
        except BaseException:
            # The pool's own tasks pass over that they are cancelled: they would keep the event loop for ever.
            await self._pool.close()
            raise

    def refuse_replica(self) -> None:
        """Raise `DatabaseError` if this is a replica: what follows has to change something."""
        if self._is_replica:
            hint = "name the primary in WAVE_DATABASE_URL: a replica is for commands that read, such as wave report"
            raise DatabaseError("the database is a replica, in which nothing can be changed", hint=hint)

    async def close(self) -> None:
        """Close every connection. Safe twice."""
        await self._pool.close()

    def transaction(self, *, by_key: bool = False) -> AbstractAsyncContextManager[Connection]:
        """Give a connection inside a transaction; commit at the end, roll back on an error.

        `by_key`: it has statements that must be planned so (`plan_by_key`), which costs less said at once. Raises
        `Unavailable` for a lost connection: whether the transaction stands must then be asked, never assumed.
        """
        return self._within(self._begin_by_key if by_key else self._begin, by_key=by_key)

    def repeatable(self) -> AbstractAsyncContextManager[Connection]:
        """Give a connection like `transaction`, for one that sees the database as it was at its beginning.

        What it changes must not have been changed since: that is `Unavailable` with the code 40001.
        """
        return self._within(self._begin_repeatable)

    def snapshot(self) -> AbstractAsyncContextManager[Connection]:
        """Give a connection that only reads, and sees the database as it was at its first question."""
        return self._within(self._begin_frozen)

    @asynccontextmanager
    async def querying(self, *, within: Connection | None = None) -> AsyncIterator[Connection]:
        """Give a connection for a query whose text is the project's: opened for it, as the user who may only read.

        Without such a user it is one like `transaction`, or `within`, a transaction that goes on after the query.
        """
        if self._query_url is None:
            async with contextlib.nullcontext(within) if within is not None else self.transaction() as connection:
                yield connection
            return
        if within is not None:
            await fetch(within, "session/wait", {"timeout": f"{WAITS_S}s"})
        async with self._within(self._begin_query, of=self._opened(self._query_url)) as connection:
            yield connection
            if connection.is_open:
                # Before PostgreSQL 16 a transaction that only reads may make large objects: of none anything is kept.
                connection.ask(Question(text=b"ROLLBACK"))
                await connection.answers()

    @asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator[Connection]:
        # Never from a pool: whatever a query has done to its session ends with it.
        async with await Connection.connect(url, **self._options) as connection:
            yield connection

    async def fetch(self, name: str, parameters: Mapping[str, Any] | None = None, *, by_key: bool = False) -> list[Row]:
        """Run one statement in a transaction of its own and give all its rows: one way to the server and back."""
        async with self.transaction(by_key=by_key) as connection:
            asked = ask(connection, name, parameters)
            await conclude(connection, asked)
            return await asked.rows()

    @asynccontextmanager
    async def _within(
        self,
        begin: Sequence[bytes],
        *,
        by_key: bool = False,
        of: AbstractAsyncContextManager[Connection] | None = None,
    ) -> AsyncIterator[Connection]:
        try:
            async with of or self._pool.connection() as connection:  # which rolls back on an error
                connection.answer_s, connection.limit_s, connection.by_key = self._answer_s, 0.0, by_key
                connection.begin(begin)
                try:
                    yield connection
                    await conclude(connection)
                finally:
                    connection.forget()
        except (psycopg.OperationalError, psycopg.InterfaceError, IDLE_TOO_LONG, PoolTimeout) as error:
            begun = not isinstance(error, PoolTimeout)
            raise Unavailable(
                _first_line(error), sqlstate=getattr(error, "sqlstate", None) or "", begun=begun
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            hint = "wave doctor says what a user who does the work needs, and what this one has not"
            raise DatabaseError(f"PostgreSQL refuses it: {_first_line(error)}", hint=hint) from error
        except psycopg.DatabaseError as error:
            if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                self.refuse_replica()
            if error.sqlstate != DROPPED:
                raise
            hint = "wave audit drops says by whose order; one that is not done yet goes on: wave audit drop --approve"
            raise ConflictError(_first_line(error), hint=hint) from error


async def conclude(connection: Connection, *last: Asked) -> None:
    """Commit, in one message with what has been asked. Nothing more may be said in this transaction.

    `last` is what has been asked last. After an error it must be asked what stands: the COMMIT may have been heard.
    """
    for one in last:
        one.pass_by()  # killed here, nothing of it stands, as if it had been said
    if connection.is_open:
        connection.ask(Question(text=b"COMMIT"))
        await connection.answers()
        crash_points.committed(connection)


async def _try_anew(pool: AsyncConnectionPool[Connection]) -> None:
    """Have the pool try once more for who waits; where nobody does, whoever comes next has it try at once."""
    if pool.get_stats().get("requests_waiting"):
        await pool.check()


async def _look_at(connection: Connection) -> None:
    """See whether a pooler stands in between: it tells its clients another process than the one that answers them."""
    [row] = await fetch(connection, "session/process")
    connection.is_direct = row["pid"] == connection.info.backend_pid
    if connection.is_direct:
        await fetch(connection, "session/watch_client")
    if connection.is_direct and goes_by_network(connection):
        await fetch(connection, "session/keep_alive", KEEPALIVE_THERE)


def goes_by_network(connection: AsyncConnection[Any] | psycopg.Connection[Any]) -> bool:
    """Say whether it can be cut without the server being told: a socket of this machine cannot."""
    return not connection.info.host.startswith("/")


def is_away(error: Unavailable | DatabaseError) -> bool:
    """Say whether an error only means that the database did not answer, also where it was explained since."""
    return isinstance(error, Unavailable) or isinstance(error.__cause__, Unavailable)


async def until_available(act: Callable[[], Awaitable[T]], *, patience_s: float) -> T:
    """Do something that may be done twice: while the database is away, again, for at most `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    delay_s = 0.1
    while True:
        try:
            return await act()
        except (Unavailable, DatabaseError) as error:
            if not is_away(error) or time.monotonic() > deadline:
                raise
            log.warning("the database is away (%s); trying again", error)
            await asyncio.sleep(delay_s)
            delay_s = min(2.0, delay_s * 2)


async def plan_by_key(connection: Connection) -> None:
    """Have the rest of the transaction planned by the keys that its statements are given, whatever statistics say."""
    if not connection.by_key:
        await fetch(connection, "session/plan_by_key")
        connection.by_key = True


async def fetch(connection: Connection, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run one named statement and give its rows; an empty list where it gives none.

    What is planned by key is planned once for a session, and never where a pooler may give each transaction another
    one. All else is planned with its parameters in sight: how many an array holds may make another plan.
    """
    return await ask(connection, name, parameters).rows()


async def fetch_tuples(connection: Connection, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run one named statement and give its rows by position: where there are thousands, names cost too much."""
    return await ask(connection, name, parameters).tuples()


@dataclass(slots=True)
class Asked:
    """A named statement that is said with the next message at the latest."""

    connection: Connection
    name: str
    question: Question
    passed: bool = False

    async def rows(self) -> list[Row]:
        """Give its rows once it is answered; an empty list where it gives none."""
        names, found = await self._answer()
        return [dict(zip(names, row, strict=True)) for row in found]

    async def tuples(self) -> list[tuple[Any, ...]]:
        """Give its rows by position once it is answered."""
        return (await self._answer())[1]

    async def _answer(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        if self.question.result is None:
            await self.connection.answers()
        self.pass_by()
        return rows(self.connection, self.question)

    def pass_by(self) -> None:
        """Pass the point where a test may have this process killed, once."""
        if not self.passed:
            self.passed = True
            crash_points.passed(self.name, self.connection)


def ask(connection: Connection, name: str, parameters: Mapping[str, Any] | None = None) -> Asked:
    """Ask what one named statement gives, without waiting: it is said together with what is asked next."""
    prepares = connection.by_key and connection.is_direct
    asked = question(connection, name, parameters, prepares=prepares)
    connection.ask(asked)
    return Asked(connection, name, asked)


def ask_composed(connection: Connection, query: sql.Composed, parameters: Mapping[str, Any]) -> Asked:
    """Ask what a statement on the user's tables gives, without waiting; `users_data` must be around all of it."""
    asked = composed(connection, query, parameters)
    connection.ask(asked)
    return Asked(connection, "", asked, passed=True)


async def copy_rows(connection: Connection, name: str, data: bytes) -> None:
    """Run one named COPY … FROM STDIN with rows in the format that it names, after what has been asked."""
    async with connection.cursor().copy(statement(name)) as target:
        await target.write(data)
    crash_points.passed(name, connection)


async def copied(connection: Connection, name: str, parameters: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """Run one named COPY … TO STDOUT, after what has been asked, and give what it sends as it comes."""
    async with connection.cursor().copy(statement(name), parameters) as source:
        async for data in source:
            yield bytes(data)


@contextmanager
def users_data(connection: Connection) -> Iterator[None]:
    """Around statements on the user's tables: what they refuse is a fact about the data, not a bug of ours."""
    began = time.monotonic()
    try:
        yield
    except psycopg.Error as error:
        # One code for two things. What ends before its time has been cancelled by somebody.
        cancelled = error.sqlstate == CANCELLED and time.monotonic() - began < connection.limit_s
        if cancelled or _says_nothing_of_the_data(error):
            raise
        raise DataRefused(_first_line(error), sqlstate=error.sqlstate or "") from error
    except JsonError as error:
        raise DataRefused(f"the value {error}") from error


def _says_nothing_of_the_data(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        # Without a code it comes from the driver: a lost connection, or a value that it cannot send.
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate.startswith(NOT_THE_DATA)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def check_server(version: int, parts: Mapping[str, Any]) -> None:
    """Refuse a server that is too old, naming the version found."""
    if version < OLDEST:
        raise DatabaseError(
            f"{place(parts)} runs PostgreSQL {version // 10000}.{version % 10000}; Wave Runner needs 15 or newer",
            hint="point WAVE_DATABASE_URL at a newer server, or unset it to use the database that comes along",
        )


# Without a connection there is no code, only the words of the server, or of a pooler before it.
FULL = ("too many connections", "too many clients", "remaining connection slots", "no more connections")
NO_PLACE_LEFT = (
    "others hold all the connections there may be: end some, raise max_connections or the CONNECTION LIMIT of the "
    "database or role, or have each runner take fewer (WAVE_CONNECTIONS)"
)
NOT_REACHED = (
    "check that the server runs there, that the host, port, user and database are right, and that it accepts "
    "connections from this machine (WAVE_DATABASE_URL; and WAVE_DATABASE_DIRECT_URL, WAVE_DATABASE_QUERY_URL if set)"
)


def explain(url: str, error: psycopg.Error) -> DatabaseError:
    """Turn a failed connection into what a person can act on. The password is never shown."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        return DatabaseError(
            "WAVE_DATABASE_URL is not a PostgreSQL address",
            hint="it looks like postgresql://user:password@host:5432/database",
        )
    reason = _reason(error)
    return DatabaseError(
        f"cannot connect to PostgreSQL at {place(parts)}: {reason}",
        hint=NO_PLACE_LEFT if any(words in reason for words in FULL) else NOT_REACHED,
    )


def _reason(error: psycopg.Error) -> str:
    # One line for each address that was tried, each followed by indented advice; the place is said by us.
    tried = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    return tried[-1].rpartition("failed: ")[2] if tried else type(error).__name__


def place(parts: Mapping[str, Any]) -> str:
    """Return host, port and database of a connection for a message."""
    host = parts.get("host") or parts.get("hostaddr") or "the local socket"
    port = parts.get("port") or "5432"
    return f"{host} port {port}, database {parts.get('dbname') or parts.get('user') or 'default'}"
