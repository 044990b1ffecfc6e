"""Whether the last results of a step look so bad that its run is to be paused: decided from these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import orjson

from wave_runner.core.interaction import State

GOOD, BAD = ".", "x"
"""How a result is remembered: one character each, the newest last."""

MOST_RESULTS = 1000
MOST_BAD = 0.99  # a larger share than 1 is never bad


@dataclass(frozen=True, kw_only=True)
class Stop:
    """`stop: {last: 50, bad: 0.3, values: {verdict: FAKE}}`: more than this share of the last results looks bad.

    Bad is what was quarantined or has failed, and an output with one of `values`, by field.
    """

    last: int
    bad: float
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def look(stop: Stop, state: State, output: str | None) -> str:
    """Return how a result is remembered; "" for what is none: it is tried again, or was cancelled.

    `output` is JSON text.
    """
    if state in (State.FAILED, State.QUARANTINED):
        return BAD
    if state is not State.COMPLETED:
        return ""
    return BAD if stop.values and _has_bad_value(stop, orjson.loads(output or "null")) else GOOD


def is_met(stop: Stop, recent: str) -> bool:
    """Say whether a run is to be paused. `recent` holds the last results: fewer than `last`, where there are fewer."""
    # 0.29 of 100 are 29, and a float would say a little less.
    return recent.count(BAD) > Fraction(repr(stop.bad)) * stop.last


def _has_bad_value(stop: Stop, output: Any) -> bool:
    return isinstance(output, dict) and any(output.get(name) in values for name, values in stop.values.items())
