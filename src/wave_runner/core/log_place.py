"""A place in the log as a person names it: its index, or a time."""

from __future__ import annotations

from datetime import UTC, datetime


def read_place(said: str) -> int | datetime:
    """Return `4711` as an index, and `2026-11-01T06:30` as a time, which is UTC unless it says otherwise.

    Raises `ValueError` for anything else.
    """
    if said.isascii() and said.isdecimal():
        return int(said)
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        raise ValueError(f"{said!r} is no index and no time; both look like 4711, or 2026-11-01T06:30") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
