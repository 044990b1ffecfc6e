"""Times on the command line, in the notation of the project's files."""

from __future__ import annotations

import click

from wave_runner.core import duration


class Duration(click.ParamType[float]):
    """`90s`, `30m`, `4h` or `2d`; the command gets seconds."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = duration.read(value)
        if seconds is None:
            self.fail(f"{value!r} is not a time such as 90s, 30m or 2h", param, ctx)
        return seconds
