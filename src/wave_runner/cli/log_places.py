"""A place in the log as an option of a command."""

from __future__ import annotations

from datetime import datetime

import click

from wave_runner.core.log_place import read_place


class Place(click.ParamType[int | datetime]):
    """`4711`, or `2026-11-01T06:30`, which is UTC unless it says otherwise."""

    name = "index or time"

    def convert(
        self, value: str | int | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | datetime:
        """Return the index or the time."""
        if isinstance(value, (int, datetime)):
            return value
        try:
            return read_place(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
