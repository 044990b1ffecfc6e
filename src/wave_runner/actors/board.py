"""Memory that a worker shares with its runner and its warden, so that what it has done outlives it.

A worker notes which item it begins, and puts finished results into an outbox that is sent now and then. When it
dies or is killed, the runner reads here which item it was at, and the results that were finished but not yet sent.
"""

from __future__ import annotations

import mmap
import os
import struct

_NUMBER = struct.Struct("q")
_BEGUN, _SINCE, _LOGGED, _FILLED, _OUTBOX = 0, 8, 16, 24, 64

OUTBOX_BYTES = 64 * 1024
SIZE = _OUTBOX + OUTBOX_BYTES

NONE = -1
"""`begun` when no item is being done."""


class Board:
    """A view of the shared memory behind a file descriptor; numbers are written whole, one at a time."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, SIZE)

    @staticmethod
    def create() -> int:
        """Return the descriptor of fresh memory, with no item begun and an empty outbox. The caller closes it."""
        fd = os.memfd_create("wave-board")
        os.ftruncate(fd, SIZE)
        os.pwrite(fd, _NUMBER.pack(NONE), _BEGUN)
        return fd

    def begin(self, index: int, now_ns: int) -> None:
        """Note that item `index` of this call begins at `now_ns` of the monotonic clock."""
        # The time first: whoever reads the new index must never see the old item's time beside it.
        _NUMBER.pack_into(self._memory, _SINCE, now_ns)
        _NUMBER.pack_into(self._memory, _BEGUN, index)

    def rest(self) -> None:
        _NUMBER.pack_into(self._memory, _BEGUN, NONE)

    @property
    def begun(self) -> int:
        """The index of the item in hand, or NONE."""
        return self._get(_BEGUN)

    @property
    def since_ns(self) -> int:
        return self._get(_SINCE)

    @property
    def logged(self) -> int:
        """A number that changes with each piece of log that the warden has read; odd while it reads."""
        return self._get(_LOGGED)

    @logged.setter
    def logged(self, number: int) -> None:
        _NUMBER.pack_into(self._memory, _LOGGED, number)

    def post(self, result: bytes) -> bool:
        """Add a result to the outbox. False if it does not fit: send the outbox and `empty` it first."""
        filled = self._get(_FILLED)
        end = filled + len(result) + 1
        if end > OUTBOX_BYTES:
            return False
        self._memory[_OUTBOX + filled : _OUTBOX + end] = b"," + result
        _NUMBER.pack_into(self._memory, _FILLED, end)  # last, so that a reader never sees half a result
        return True

    @property
    def outbox(self) -> bytes:
        """The posted results as one JSON array."""
        return b"[" + self._memory[_OUTBOX + 1 : _OUTBOX + self._get(_FILLED)] + b"]"

    def empty(self) -> None:
        _NUMBER.pack_into(self._memory, _FILLED, 0)

    def close(self) -> None:
        self._memory.close()

    def _get(self, offset: int) -> int:
        number: int = _NUMBER.unpack_from(self._memory, offset)[0]
        return number
