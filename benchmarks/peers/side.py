"""What a peer's side is: its way to do the work, and the questions to its own tables about what was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString

STEPS = 5


@dataclass(frozen=True, kw_only=True)
class Side:
    """How one peer does the work, and how its own tables are asked what was done."""

    peer: str
    """The name of its distribution."""
    bulk: Callable[[str, int], None]
    """Takes so many records through the steps in the database of the address, all put there before the first step."""
    one_by_one: Callable[[str, int], None]
    """Takes so many records through the steps, each put there when the one before it is recorded as done."""
    total: LiteralString
    """Selects the steps recorded as done, and the seconds from the first one's begin to the last one's record."""
    each: LiteralString
    """Selects for each record, by age, the steps recorded as done, and the milliseconds since its first could begin."""
    settings: dict[str, Any]
    """What `bulk` was told that bears on speed."""
    latency_settings: dict[str, Any]
    """The same of `one_by_one`."""
