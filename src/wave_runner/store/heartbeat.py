"""Keep a runner's leases alive from a thread and a connection of its own, which a blocked loop cannot stall.

It stops renewing when the loop has not ticked for a lease, or when a wave's hard deadline has passed: a runner that
hangs must lose its work. What it could not renew in time is lost, and it says so to the runner.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from wave_runner.core.control import Told
from wave_runner.store.database import KEEPALIVE, KEEPALIVE_THERE, cut, goes_by_network
from wave_runner.store.statements import statement

log = logging.getLogger("wave_runner.store")


@contextmanager
def _cut_after(connection: psycopg.Connection, seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer: a heartbeat that hangs must not keep what it could not renew."""
    guard = threading.Timer(seconds, cut, [connection])
    guard.start()
    try:
        yield
    finally:
        guard.cancel()


def _keep_alive(connection: psycopg.Connection) -> None:
    """Have the server notice soon that this host is gone, unless a pooler gives its sessions to others as well."""
    [pid] = connection.execute(statement("session/process")).fetchone() or [None]
    if pid == connection.info.backend_pid:
        connection.execute(statement("session/keep_alive"), KEEPALIVE_THERE)


class Heartbeat:
    """Renews the leases of the waves it is told about, every `interval_s`, until stopped.

    `hold` and `drop` may be called from any thread. `on_lost` is called with the waves whose lease could not be
    kept: a sweeper has closed them, or the database could not be reached for a whole lease; `on_cancelled` with those
    of which somebody has cancelled work, and `on_told` when somebody has told this runner something new.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        runner_id: UUID,
        lease_s: float,
        interval_s: float,
        on_lost: Callable[[set[int]], None],
        on_cancelled: Callable[[set[int]], None],
        on_told: Callable[[Told], None],
    ) -> None:
        self._url = url
        self._schema = schema
        self._runner_id = runner_id
        self._lease_s = lease_s
        self._interval_s = interval_s
        self._on_lost = on_lost
        self._on_cancelled = on_cancelled
        self._on_told = on_told
        self._told = Told.WORK
        self._held: dict[int, float] = {}
        self._renewed: dict[int, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._tick = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing and wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._lease_s)

    def tick(self) -> None:
        """Say that the loop is alive; called by the loop itself."""
        self._tick = time.monotonic()

    def hold(self, wave_id: int, *, deadline_s: float) -> None:
        """Renew this wave from now on, for at most `deadline_s` seconds without another call of `hold`."""
        now = time.monotonic()
        with self._lock:
            self._held[wave_id] = now + deadline_s
            self._renewed.setdefault(wave_id, now)

    def drop(self, wave_id: int) -> None:
        """Stop renewing this wave."""
        with self._lock:
            self._held.pop(wave_id, None)
            self._renewed.pop(wave_id, None)

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        is_away = False
        while not self._stop.wait(self._pause_s()):
            try:
                connection = connection or self._connect()
                with _cut_after(connection, self._interval_s):
                    self._beat(connection)
                is_away = False
            except psycopg.Error as error:
                if not is_away:
                    said = " ".join(str(error).split()) or type(error).__name__
                    log.warning("heartbeat: the database is away (%s); no lease is renewed meanwhile", said)
                is_away = True
                # Not renewed; the next round opens a new connection. What this costs is decided below, by the clock.
                if connection is not None:
                    connection.close()
                connection = None
            self._give_up_old()
        if connection is not None:
            connection.close()

    def _pause_s(self) -> float:
        """Return the seconds until the next round: no longer than until the first lease would be lost."""
        with self._lock:
            first = min(self._renewed.values(), default=None)
        if first is None:
            return self._interval_s
        return min(self._interval_s, max(0.0, first + self._lease_s - time.monotonic()))

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            application_name="wave heartbeat",
            connect_timeout=max(2, int(self._interval_s)),
            prepare_threshold=None,
            **KEEPALIVE,
        )
        if goes_by_network(connection):
            with _cut_after(connection, self._interval_s):
                _keep_alive(connection)
        return connection

    def _beat(self, connection: psycopg.Connection) -> None:
        now = time.monotonic()
        if now - self._tick > self._lease_s:
            return
        with self._lock:
            wanted = [wave_id for wave_id, deadline in self._held.items() if deadline > now]
        lease = {"runner_id": self._runner_id, "lease_s": self._lease_s}
        beaten = self._ask(connection, "runners/beat", {"runner_id": self._runner_id})
        self._ask(connection, "servers/renew", lease)
        kept = {row[0] for row in self._ask(connection, "waves/renew", {**lease, "wave_ids": wanted})}
        with self._lock:
            for wave_id in kept & self._held.keys():
                self._renewed[wave_id] = now
        self._lose(set(wanted) - kept)
        cancelled = {row[0] for row in self._ask(connection, "waves/cancelled", {"wave_ids": wanted})}
        if cancelled:
            self._on_cancelled(cancelled)
        if beaten and (told := Told(beaten[0][0])) is not self._told:
            self._told = told
            self._on_told(told)

    def _ask(self, connection: psycopg.Connection, name: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        """Run one statement in a transaction of its own, sent in one piece; so it works behind a pooler, too."""
        # A statement that hangs must not outlive the lease it is meant to renew.
        timeout = f"{int(self._interval_s * 1000)}ms"
        settings = {"search_path": f'"{self._schema}", public', "statement_timeout": timeout}
        with connection.pipeline(), connection.transaction():
            connection.execute(statement("session/heartbeat"), settings)
            cursor = connection.execute(statement(name), parameters)
        return cursor.fetchall() if cursor.description else []

    def _give_up_old(self) -> None:
        oldest = time.monotonic() - self._lease_s
        with self._lock:
            old = {wave_id for wave_id, renewed in self._renewed.items() if renewed < oldest}
        self._lose(old)

    def _lose(self, wave_ids: set[int]) -> None:
        with self._lock:
            lost = wave_ids & self._held.keys()
            for wave_id in lost:
                self._held.pop(wave_id)
                self._renewed.pop(wave_id)
        if lost:
            self._on_lost(lost)
