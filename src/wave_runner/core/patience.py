"""How long an attempt may take, and how long a record may wait: set by hand, or by what has been measured.

Durations are counted in buckets of equal ratio, eight to each doubling: the 99th percentile of any number of them is
exact to 9 %, and a queue's whole history takes a few dozen rows. An attempt that was cut at its limit counts as long as
it lasted: a limit that is too short shows, and does not grow shorter by what it has cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from wave_runner.core.breaker import OF_THE_ITEM
from wave_runner.core.outcome import ErrorClass, Failure, Outcome

BUCKETS_PER_DOUBLING = 8
FEW = 20  # samples below which nothing counts as measured
UNMEASURED_S = 300.0
TIMES_P99 = 4.0
STALE_UNMEASURED_S = 30 * 60.0
STALE_LEAST_S = 1.0  # what has run no longer is not overdue: it also has to be handed over, and its result recorded


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of a queue's attempts: how many have been measured, and their 99th percentile in seconds."""

    samples: int = 0
    p99_s: float = 0.0

    @property
    def is_enough(self) -> bool:
        return self.samples >= FEW


@dataclass(frozen=True, kw_only=True)
class Patience:
    """What an actor, or a step, says of times. Seconds; None where it says nothing."""

    attempt_s: float | None = None
    floor_s: float = 30.0
    ceiling_s: float = 3600.0
    queue_s: float | None = None
    step_s: float | None = None


def is_measure(outcome: Outcome) -> bool:
    """Say whether how long an attempt took tells how long one takes: it has answered, or was cut at its limit.

    What was refused at once, or found nobody, would only make the limit shorter.
    """
    if not isinstance(outcome, Failure):
        return True
    return outcome.outage is None and outcome.error_class in {*OF_THE_ITEM, ErrorClass.TIMEOUT}


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration."""
    return round(BUCKETS_PER_DOUBLING * math.log2(max(seconds * 1_000_000, 1.0)))


def seconds_of(bucket: int) -> float:
    """Return the longest duration of a bucket."""
    return float(2.0 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING)) / 1_000_000


def median_s(counts: Mapping[int, int]) -> float | None:
    """Return what half of the attempts counted by bucket took at most, in the middle of its bucket; None of none."""
    half, so_far = sum(counts.values()) / 2, 0
    for bucket in sorted(counts):
        so_far += counts[bucket]
        if so_far >= half:
            return float(2.0 ** (bucket / BUCKETS_PER_DOUBLING)) / 1_000_000
    return None


def attempt_limit_s(patience: Patience, measured: Measured, *, errors: int = 0) -> float:
    """Return the hard limit of an attempt: what is set, or 300 s until measured, then four times the 99th percentile.

    That stays between floor and ceiling, and doubles with each failure that the record has had (`errors`): what was cut
    once may simply need longer.
    """
    if patience.attempt_s is not None:
        return patience.attempt_s
    if not measured.is_enough:
        return UNMEASURED_S
    limit_s = max(patience.floor_s, TIMES_P99 * measured.p99_s) * 2.0 ** min(errors, 10)
    return min(patience.ceiling_s, limit_s)


def waited_too_long(patience: Patience, *, age_s: float, attempt: int) -> str:
    """Say which limit a record that waits has passed; "" where it may be begun. `attempt` counts those behind it."""
    if patience.step_s is not None and age_s > patience.step_s:
        return f"the step was to take {patience.step_s:g} s at most, and {age_s:.0f} s have passed"
    if patience.queue_s is not None and attempt == 0 and age_s > patience.queue_s:
        return f"it was to wait {patience.queue_s:g} s at most for its first attempt, and has waited {age_s:.0f} s"
    return ""
