"""Numbers on the command line that something is computed with."""

from __future__ import annotations

import math
from typing import Any

import click


class Amount(click.FloatRange):
    """A number within bounds. Neither `nan`, which every bound lets through, nor `inf`, of which there is no part."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number that can be computed with", param, ctx)
        return number
