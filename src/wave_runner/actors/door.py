"""The door of a sandbox that names hosts: its warden connects to those, and hands the connection in.

A script behind it has no network. It can make no socket, and lead none that it was handed anywhere else (`syscalls`):
it reaches the hosts that were named, at addresses that its warden has looked at, and by no name that it looks up can it
tell anybody anything. `socket.create_connection` goes through the door: `urllib`, `http.client` and `httpx` use it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from wave_runner.actors.sandbox import NotOpenError
from wave_runner.core.addresses import refused
from wave_runner.core.sandbox import Opens, Sandbox

LONGEST_S = 60.0
"""How long a connection may take to come about, seconds, whatever the script is willing to wait."""

_MOST_AT_ONCE = 32
_LONGEST_QUESTION = 4096
_ANSWER_S = 5.0

_used: list[socket.socket] = []


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses that this machine knows a host by, in the order in which they are to be asked."""
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


# ─── outside: the warden ─────────────────────────────────────────────────────────────────────────────


def make() -> tuple[socket.socket, socket.socket]:
    """Return the two sides of a door: the warden's, and the script's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def keep(side: socket.socket, sandbox: Sandbox) -> None:
    """Answer whoever asks from inside, in threads of their own, until nobody can ask any more."""
    threading.Thread(target=_answer_all, args=(side, sandbox), daemon=True).start()


def _answer_all(side: socket.socket, sandbox: Sandbox) -> None:
    room = threading.Semaphore(_MOST_AT_ONCE)  # who asks for more at once waits, and takes no descriptors from us
    with side:
        while True:
            room.acquire()
            question, fds, _, _ = socket.recv_fds(side, _LONGEST_QUESTION, 1)
            if not question:
                return
            try:
                threading.Thread(target=_answer, args=(question, fds, sandbox, room), daemon=True).start()
            except RuntimeError:  # there are as many tasks as there may be: who asks is not answered, and may ask again
                for fd in fds:
                    os.close(fd)
                room.release()


def _answer(question: bytes, fds: list[int], sandbox: Sandbox, room: threading.Semaphore) -> None:
    """Connect to whom a question names, and send that, or why not, where the question says."""
    try:
        reply = _reply_to(fds)
        if reply is not None:
            with reply, contextlib.suppress(OSError):  # whoever has asked is gone
                reply.settimeout(_ANSWER_S)
                _reply(reply, question, sandbox)
    finally:
        room.release()


def _reply_to(fds: list[int]) -> socket.socket | None:
    """Return where the answer goes; None if a script has sent something else, or nothing."""
    for fd in fds:
        try:
            return socket.socket(fileno=fd)
        except OSError:
            os.close(fd)
    return None


def _reply(reply: socket.socket, question: bytes, sandbox: Sandbox) -> None:
    try:
        host, port, timeout_s = json.loads(question)
        connection = _connected(str(host), int(port), float(timeout_s), sandbox)
    except Exception as error:  # noqa: BLE001  # a script may say anything
        reply.send(json.dumps(_said(error)).encode())
        return
    with connection:
        with contextlib.suppress(OSError):  # for the kernel it is under way until it is asked once more
            connection.connect_ex(connection.getpeername())
        connection.setblocking(True)
        socket.send_fds(reply, [b"{}"], [connection.fileno()])


def _connected(host: str, port: int, timeout_s: float, sandbox: Sandbox) -> socket.socket:
    opens = sandbox.opens(host, port)
    if opens is Opens.NOWHERE:
        raise NotOpenError(f"{host}, port {port}, is not named for it", declaration=_naming("network", host, port))
    try:
        addresses = addresses_of(host, port)
    except (OSError, UnicodeError) as error:
        raise OSError(errno.EHOSTUNREACH, f"{host} has no address: {error}") from error
    if address := refused(addresses, private=opens is Opens.ANYWHERE):
        declaration = "" if opens is Opens.ANYWHERE else _naming("private_hosts", host, port)
        raise NotOpenError(f"{host} is at {address}, which is on no public network", declaration=declaration)
    failed = OSError(errno.EHOSTUNREACH, f"{host} has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), min(timeout_s, LONGEST_S))
        except OSError as error:
            failed = error
    raise failed


def _naming(key: str, host: str, port: int) -> str:
    return f'{key} = ["{f"[{host}]" if ":" in host else host}:{port}"]'


def _said(error: Exception) -> dict[str, Any]:
    declaration = error.declaration[:300] if isinstance(error, NotOpenError) else None
    number = error.errno if isinstance(error, OSError) else errno.EINVAL
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else number
    return {"errno": number, "said": said[:300], "declaration": declaration}


# ─── inside: the worker ──────────────────────────────────────────────────────────────────────────────


def use(side: socket.socket) -> None:
    """Have `socket.create_connection` go through this door from here on, for all of this process."""
    _used[:] = [side]
    socket.create_connection = _through(side)


def is_used() -> bool:
    """Say whether this process is behind a door, so that its warden looks names up and looks at addresses."""
    return bool(_used)


def _through(side: socket.socket) -> Callable[..., socket.socket]:
    def create_connection(
        address: tuple[str, int],
        timeout: float | object | None = None,
        source_address: object = None,
        *,
        all_errors: bool = False,
    ) -> socket.socket:
        """Return a connection that the warden has made, as the function of this name does."""
        host, port = address
        given = timeout if isinstance(timeout, int | float) else socket.getdefaulttimeout()
        question = json.dumps([host, port, LONGEST_S if given is None else given]).encode()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(side, [question], [theirs.fileno()])
            answer, fds, _, _ = socket.recv_fds(ours, _LONGEST_QUESTION, 1)
        if not fds:
            raise _told(answer)
        os.set_inheritable(fds[0], False)
        connection = socket.socket(fileno=fds[0])
        connection.settimeout(given)
        return connection

    return create_connection


def _told(answer: bytes) -> OSError:
    if not answer:
        return OSError(errno.ECONNABORTED, "its warden does not answer")
    told = json.loads(answer)
    if told["declaration"] is not None:
        return NotOpenError(told["said"], declaration=told["declaration"])
    return OSError(told["errno"], told["said"])
