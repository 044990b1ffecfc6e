"""Where a test may have this process killed: at a named point, the n-th time it is passed.

`WAVE_CRASH_AT=interactions/finish:2` kills it right after the second time that this statement of the store has run,
inside its transaction; `WAVE_CRASH_AT=interactions/finish+commit:1` right after the COMMIT of the first transaction
that it ran in. Every statement of the store is such a point, since nothing else changes what stands; a few more lie
where an actor has worked and nothing is recorded yet. Without the variable all of this is one comparison.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "WAVE_CRASH_AT"
COMMIT = "+commit"

_point, _, _times = os.environ.get(VARIABLE, "").partition(":")
_left = int(_times or 1)
_statement = _point.removesuffix(COMMIT)
_waits_for_commit = _point.endswith(COMMIT)
_uncommitted: set[int] = set()  # connections on which the statement has run since the last COMMIT


def passed(point: str, connection: object = None) -> None:
    """Say that a point has been passed; on a connection, inside a transaction."""
    if point != _statement:
        return
    if _waits_for_commit:
        _uncommitted.add(id(connection))
    else:
        _count()


def committed(connection: object) -> None:
    """Say that the transaction of a connection stands."""
    if _uncommitted and id(connection) in _uncommitted:
        _uncommitted.discard(id(connection))
        _count()


def _count() -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
