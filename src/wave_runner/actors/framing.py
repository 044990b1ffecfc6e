"""Messages between the runner and a worker: four bytes of length, then that many bytes of JSON."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import BinaryIO

_LENGTH = struct.Struct(">I")

MAX_FRAME = 64 * 1024 * 1024
"""The longest message either side accepts, in bytes; a result may be longer where its script's cap is."""


class FrameError(Exception):
    """The other side broke off in mid-message, or sends something that is no message."""


def frame(payload: bytes) -> bytes:
    """Return `payload` as a message."""
    return _LENGTH.pack(len(payload)) + payload


def send(channel: socket.socket, payload: bytes) -> None:
    """Send one message, waiting until the other side has room for it."""
    channel.sendall(frame(payload))


def receive(stream: BinaryIO) -> bytes | None:
    """Return the next message, or None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return stream.read(_LENGTH.unpack(head)[0])


async def read(reader: asyncio.StreamReader, limit: int) -> bytes:
    """Return the next message; raise `FrameError` if the stream ends or the message is longer than `limit` bytes."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > limit:
            raise FrameError(f"a message of {length:,} bytes, more than the {limit:,} allowed")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise FrameError("the worker closed its channel") from error
