"""What an item printed, kept within bounds however much it is: the beginning and the end, and how much is left out."""

from __future__ import annotations

KEPT_BYTES = 32 * 1024
"""Bytes kept of the beginning, and as many of the end."""

TAKE = b"t"
"""What a worker sends to its warden to get what was printed since the last time."""


class BoundedLog:
    """Takes any number of bytes, keeps at most twice `KEPT_BYTES`."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        room = KEPT_BYTES - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:][-KEPT_BYTES:]
        del self._tail[:-KEPT_BYTES]

    def take(self) -> bytes:
        """Return what is kept, with a line that says what is not, and begin anew."""
        left_out = self._size - len(self._head) - len(self._tail)
        note = f"\n[… {left_out:,} bytes of output left out …]\n".encode() if left_out else b""
        kept = bytes(self._head) + note + bytes(self._tail)
        self._head, self._tail, self._size = bytearray(), bytearray(), 0
        return kept
