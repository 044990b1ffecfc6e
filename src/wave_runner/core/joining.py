"""When a join is done: decided once, from how many of the steps that it waits for have settled, and how."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import assert_never

from wave_runner.core.flow import BROKEN, Settled
from wave_runner.core.workflow import Join


class Resolution(enum.StrEnum):
    """What a join does now."""

    WAIT = "wait"
    GO = "go"
    SKIP = "skip"  # something that it waited for is broken
    LEAVE_OUT = "leave_out"  # the record's way leads elsewhere


def resolve(join: Join, expected: int, settled: Mapping[Settled, int]) -> Resolution:
    """Decide. `settled` counts the inputs that have settled so far, `expected` is how many there will be.

    A way that was not taken counts for nothing: `all` goes when each of the ways that were taken has arrived.
    """
    arrived = settled.get(Settled.ARRIVED, 0)
    broken = sum(settled.get(outcome, 0) for outcome in BROKEN)
    if join is Join.ANY and arrived:
        return Resolution.GO
    if sum(settled.values()) < expected:
        return Resolution.WAIT
    match join:
        case Join.ALL:
            goes = arrived > 0 and not broken
        case Join.ANY:
            goes = False
        case Join.SETTLED:
            goes = arrived + broken > 0
        case _:
            assert_never(join)
    if goes:
        return Resolution.GO
    return Resolution.SKIP if broken else Resolution.LEAVE_OUT
