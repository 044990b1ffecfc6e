"""The mark of a preview names exactly what it was about, so that nobody acts on something else than they have seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeAlias

Expect: TypeAlias = int | str | None
"""What somebody expects to be chosen: so many, or exactly what a preview has named. None: whatever it is."""


def mark_of(chosen: Iterable[object], *, order: str = "") -> str:
    """Return the mark of what is chosen: how many parts, and a digest of which, in whatever order they come.

    `order` says what is to be done with them, where more than one thing could be: a mark is of that alone.
    """
    parts = sorted(map(str, chosen))
    return f"{len(parts)}-{hashlib.sha256(chr(10).join([order, *parts]).encode()).hexdigest()[:32]}"


def surprise(expect: Expect, *, there: int, marked: str, said: str) -> str:
    """Say why this is not what was expected; "" where it is. `said` tells what there are so many of."""
    if isinstance(expect, str) and expect != marked:
        return f"{there} {said}, and they are not those that were looked at"
    if isinstance(expect, int) and expect != there:
        return f"{there} {said}, and {expect} were expected"
    return ""
