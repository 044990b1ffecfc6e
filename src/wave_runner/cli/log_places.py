"""A place in the log as a person names it: its index, or a time."""

from __future__ import annotations

from datetime import UTC, datetime

import click


class Place(click.ParamType[int | datetime]):
    """`4711`, or `2026-11-01T06:30`, which is UTC unless it says otherwise."""

    name = "index or time"

    def convert(
        self, value: str | int | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | datetime:
        """Return the index or the time."""
        if isinstance(value, (int, datetime)):
            return value
        if value.isdecimal():
            return int(value)
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no index and no time; both look like 4711, or 2026-11-01T06:30", param, ctx)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
