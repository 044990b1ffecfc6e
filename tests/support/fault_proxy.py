"""A proxy before PostgreSQL that cuts, swallows and delays, on an event loop in a thread of its own.

It knows a COMMIT by its text, so connections through it must not be encrypted; `url` asks for that.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from psycopg.conninfo import conninfo_to_dict


class Cut(Enum):
    """Where a connection is cut: the server never hears of a COMMIT, or the client never hears of its answer."""

    BEFORE_COMMIT = 1
    AFTER_COMMIT = 2


class FaultProxy:
    """Stands before the server of `url` while the block lasts."""

    def __init__(self, url: str) -> None:
        self._parts = conninfo_to_dict(url)
        self._original = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.cuts = 0
        self.commits = 0
        self._cut: Cut | None = None
        self._words = b""
        self._left = 0  # COMMITs until it is cut
        self._swallows = False
        self._flowing = asyncio.Event()
        self._delay_s = 0.0
        self._fragments = False

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._loop.call_soon_threadsafe(self._flowing.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The server's address, through this proxy."""
        parts = urlsplit(self._original)
        who = parts.netloc.rpartition("@")[0]
        assert set(parse_qs(parts.query)) <= {"host", "port"}, "the proxy would lose a part of this address"
        return urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{self.port}", query="sslmode=disable"))

    def cut(self, where: Cut, *, nth: int, of: bytes = b"") -> None:
        """Cut the connection of the nth COMMIT from now on, once: of those whose transaction has said these words."""
        self._cut, self._words, self._left = where, of, nth

    def swallow(self) -> None:
        """Let nothing through any more, and no error either; connections that begin hang as well."""
        self._swallows = True
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """Let everything through again, what was swallowed included: it was only late."""
        self._swallows = False
        self._loop.call_soon_threadsafe(self._flowing.set)

    def disturb(self, *, delay_s: float) -> None:
        """Send each piece byte by byte, up to `delay_s` late."""
        self._delay_s, self._fragments = delay_s, True

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # transports close a turn later

    async def _upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._parts.get("host") or "127.0.0.1"), int(self._parts.get("port") or 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        from_server, to_server = await self._upstream()
        answer_is_cut = False
        said = b""

        def end() -> None:
            self.cuts += 1
            reset = struct.pack("ii", 1, 0)
            to_client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            to_client.transport.abort()
            to_server.close()

        async def up() -> None:
            nonlocal answer_is_cut, said
            while data := await from_client.read(65536):
                said += data
                if b"COMMIT" in data:
                    self.commits += 1
                    self._left -= self._words in said
                    said = b""
                    if self._cut is not None and self._left == 0:
                        self._left = -1
                        if self._cut is Cut.BEFORE_COMMIT:
                            return end()
                        answer_is_cut = True
                await self._send(to_server, data)
            return None

        async def down() -> None:
            while data := await from_server.read(65536):
                if answer_is_cut:
                    return end()
                await self._send(to_client, data)
            return None

        try:
            await _until_one_ends(up, down)
        finally:
            to_client.close()
            to_server.close()

    async def _send(self, to: asyncio.StreamWriter, data: bytes) -> None:
        await self._flowing.wait()
        if self._delay_s:
            await asyncio.sleep(random.uniform(0, self._delay_s))
        pieces = [data[i : i + 1] for i in range(len(data))] if self._fragments and len(data) < 500 else [data]
        for piece in pieces:
            to.write(piece)
            await to.drain()


async def _until_one_ends(*works: Callable[[], Awaitable[None]]) -> None:
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
