"""When to try again: a function of the error's class, the attempts so far, and a given random number."""

from __future__ import annotations

from wave_runner.core.outcome import ErrorClass

BASE_S = 1.0
CAP_S = 300.0
# What a server asks for is kept up to here: a garbled header must not park work for years.
LONGEST_ASKED_S = 3600.0

# The same request would fail the same way.
HOPELESS = frozenset({ErrorClass.PERMANENT})


def delay_before_retry(
    error_class: ErrorClass, *, attempt: int, max_attempts: int, chance: float, asked_s: float | None = None
) -> float | None:
    """Return the seconds to wait before the next attempt, or None when there is none.

    Exponential backoff with full jitter: `chance` in [0, 1) times min(CAP_S, BASE_S · 2^(attempt-1)), and never
    less than what the server asked for. `attempt` is the number of the one that failed, from 1.
    """
    if error_class in HOPELESS or attempt >= max_attempts:
        return None
    window = min(CAP_S, BASE_S * 2.0 ** min(attempt - 1, 30))
    return max(chance * window, min(asked_s or 0.0, LONGEST_ASKED_S))
