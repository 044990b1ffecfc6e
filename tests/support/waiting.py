"""Wait for what must come true, and fail when it does not: the only place where tests look at the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 30.0


def wait_until(condition: Callable[[], T], what: str = "it did not come true", within: float = PATIENCE_S) -> T:
    """Come back with what the condition gave as soon as it holds; fail, saying `what`, if that takes too long."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.005)
    return found
