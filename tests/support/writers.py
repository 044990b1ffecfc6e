"""Clients that write events in every way that makes their order hard: late, together, rolled back, in savepoints."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import psycopg

WRITE = """
    INSERT INTO interaction_events (run_id, form, type, data, sha256)
    SELECT 0, 1, 'wave_closed', said.data, sha256(convert_to(said.data, 'UTF8'))
    FROM (SELECT format('{"by":%%s,"saw":"%%s"}', %s::text, max(event_id)) AS data FROM interaction_events) AS said
"""


@dataclass
class Writers:
    """Threads that write until told to stop: each event says which one was the newest that its writer could see."""

    url: str
    n: int = 6
    seed: int = 1
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(self.n)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.failures == []

    def _write(self, number: int) -> None:
        chance = random.Random(self.seed * 100 + number)
        try:
            with connect(self.url) as connection:
                while not self._stop.is_set():
                    self._transact(connection, number, chance)
        except psycopg.Error as error:
            self.failures.append(error)

    def _transact(self, connection: psycopg.Connection, number: int, chance: random.Random) -> None:
        with connection.transaction():
            for _ in range(chance.randint(1, 4)):
                with connection.transaction():  # a savepoint
                    connection.execute(WRITE, [str(number)])
                    if chance.random() < 0.1:
                        raise psycopg.Rollback
                if chance.random() < 0.3:
                    time.sleep(chance.random() * 0.05)
            if chance.random() < 0.1:
                raise psycopg.Rollback


def connect(url: str) -> psycopg.Connection:
    """Return a connection as the project's own role, with the project's schema."""
    return psycopg.connect(url, options="-c search_path=wave,public", autocommit=True)


def write_one(connection: psycopg.Connection, by: str = "0") -> None:
    """Write one event in the transaction at hand."""
    connection.execute(WRITE, [by])
