"""Dropping old months: which month somebody means, and how events name what goes by its place in the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

AT_ONCE = 400
"""So many stretches of the log are named by one event: 16 KiB hold two indexes of 16 digits for each of them."""

Stretch = tuple[int, int]
"""Indexes of the log that follow each other: the first, and the one behind the last."""


def month_of(text: str) -> date:
    """Return the first day of the month that `2026-08` or `2026-08-15` names. Raises `ValueError` for another text."""
    return date.fromisoformat(f"{text}-01" if len(text) == len("2026-08") else text).replace(day=1)


def batches(stretches: Sequence[Stretch]) -> Iterator[list[int]]:
    """Yield stretches in lists that an event can hold, each as its two indexes; an empty list where there are none."""
    for first in range(0, max(len(stretches), 1), AT_ONCE):
        yield [index for stretch in stretches[first : first + AT_ONCE] for index in stretch]
