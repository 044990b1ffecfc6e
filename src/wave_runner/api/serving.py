"""The process that answers: where it listens, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING

import uvicorn

from wave_runner.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from wave_runner.api.watching import Watching

MOST_CONNECTIONS = 1000
"""Whoever comes then is answered 503: nobody can have this process hold more open than it has room for."""

LAST_WORDS_S = 3  # how long a stop waits for answers that are under way


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Who serves has more to close than this server; it says when to stop.
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free. Raises `SettingsError` where that cannot be."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}", hint="name another: --port, --host"
        ) from error
    # What is accepted inherits it. Without it the body of an answer waits 40 ms until the head of it is acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def is_loopback(listening: socket.socket) -> bool:
    """Whether nobody but this machine reaches it."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


async def serve(app: FastAPI, listening: socket.socket, *, until: Awaitable[object] | None = None) -> None:
    """Answer until SIGINT or SIGTERM, or `until` has come to pass; what is under way then has a few seconds."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_WORDS_S,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, server, app.state.watching)
    ends = None if until is None else asyncio.ensure_future(until)
    if ends is not None:
        ends.add_done_callback(lambda _: _stop(server, app.state.watching))
    await server.serve(sockets=[listening])
    if ends is not None:
        ends.cancel()
    await app.state.verifying.end()
    await app.state.denials.end()


def _stop(server: uvicorn.Server, watching: Watching) -> None:
    server.should_exit = True
    watching.end()  # a stream has no end of its own
