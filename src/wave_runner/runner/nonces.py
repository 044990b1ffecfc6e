"""Nonces of commitments: asking the kernel for each costs more than the hash that it salts, so many come at once."""

from __future__ import annotations

import os
from collections.abc import Iterator

BYTES = 32
AT_ONCE = 512


def new_nonce() -> bytes:
    """Return 32 bytes that nobody has had or can guess. For one thread: that of the runner's event loop."""
    return next(_nonces)


def _fresh() -> Iterator[bytes]:
    while True:
        drawn = os.urandom(BYTES * AT_ONCE)
        yield from (drawn[first : first + BYTES] for first in range(0, len(drawn), BYTES))


_nonces = _fresh()
