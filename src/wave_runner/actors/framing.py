"""Messages between the runner and a worker: four bytes of length, then that many bytes of JSON.

What is here is needed on both sides. A worker starts with each script of each wave, so it imports no asyncio.
"""

from __future__ import annotations

import socket
import struct
from typing import BinaryIO

LENGTH = struct.Struct(">I")

MAX_FRAME = 64 * 1024 * 1024
"""The longest message either side accepts, in bytes; a result may be longer where its script's cap is."""


class FrameError(Exception):
    """The other side broke off in mid-message, or sends something that is no message."""


def frame(payload: bytes) -> bytes:
    """Return `payload` as a message."""
    return LENGTH.pack(len(payload)) + payload


def send(channel: socket.socket, payload: bytes) -> None:
    """Send one message, waiting until the other side has room for it."""
    channel.sendall(frame(payload))


def receive(stream: BinaryIO) -> bytes | None:
    """Return the next message, or None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return stream.read(LENGTH.unpack(head)[0])
