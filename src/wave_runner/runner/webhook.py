"""One POST to a receiver of notices: to an address that was looked at, within a time, and nothing is followed.

It is written out, and not left to an HTTP client: the name is looked up once and the connection goes to one of the
addresses that were found good, of the answer only the status is read, and an attempt that is cancelled leaves nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

from wave_runner.core.addresses import refused
from wave_runner.core.notice import signed

LONGEST_LINE = 8192
TROUBLE_CHARACTERS = 200
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?!\d)")


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where notices go, and the secret they are signed with. `private`: it may be on a network of one's own."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    private: bool
    timeout_s: float

    @property
    def host(self) -> str:
        """Its name alone: the rest of a URL may be a secret."""
        return urlsplit(self.url).hostname or ""


class NotTaken(Exception):
    """A receiver has not taken a notice. The message says why, in words of our own alone."""


async def post(receiver: Receiver, notice_id: str, body: bytes) -> None:
    """Send a notice. Raises `NotTaken` where the receiver has not said with a status of 200 to 299 that it has it."""
    try:
        async with asyncio.timeout(receiver.timeout_s):
            status = await _status_of(receiver, notice_id, body)
    except TimeoutError as error:
        raise NotTaken(f"no answer within {receiver.timeout_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise NotTaken(f"its certificate is not good: {error.verify_message}") from error
    except OSError as error:
        raise NotTaken(f"no connection: {_reason(error)}") from error
    except ValueError as error:  # a name that no certificate can have
        raise NotTaken("its name cannot be asked for") from error
    if 300 <= status < 400:
        raise NotTaken(f"HTTP {status}: it sends elsewhere, and nothing is sent there")
    if not 200 <= status < 300:
        raise NotTaken(f"HTTP {status}")


async def _status_of(receiver: Receiver, notice_id: str, body: bytes) -> int:
    parts = urlsplit(receiver.url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    addresses = await _addresses(receiver.host, port)
    if address := refused(addresses, private=receiver.private):
        raise NotTaken(f"{receiver.host} is at {address}, which is on no public network")
    reader, writer = await _connected(addresses, port, receiver.host if secure else "")
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Host": parts.netloc,
            "User-Agent": "wave-runner",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **signed(receiver.secret, notice_id, int(time.time()), body),
        }
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode("ascii") + body)
        await writer.drain()
        return await _read_status(reader)
    finally:
        writer.transport.abort()


async def _read_status(reader: asyncio.StreamReader) -> int:
    try:
        line = await reader.readline()
    except ValueError as error:
        raise NotTaken("what it answers is not HTTP") from error
    if not line:
        raise NotTaken("it has closed the connection without an answer")
    found = _STATUS.match(line)
    if found is None:
        raise NotTaken("what it answers is not HTTP")
    return int(found[1])


async def _connected(
    addresses: Sequence[str], port: int, secure_as: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of the addresses that lets us."""
    context = _context() if secure_as else None
    failed: OSError = OSError("it has no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=secure_as or None, limit=LONGEST_LINE
            )
        except OSError as error:
            failed = error
    raise failed


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _addresses(host: str, port: int) -> list[str]:
    """Look a name up, in a thread that nobody waits for: a resolver may take minutes, and a stop does not."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str], error: OSError | None) -> None:
        if not found.done():
            found.set_exception(error) if error else found.set_result(addresses)

    def look_up() -> None:
        addresses: list[str] = []
        failed = None
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        except OSError as error:
            failed = error
        except UnicodeError:
            failed = OSError("its name can be nobody's")
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, addresses, failed)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    return await found


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__)[:TROUBLE_CHARACTERS]
