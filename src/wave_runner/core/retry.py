"""When to try again: a function of the error's class, the failures so far, and a given random number."""

from __future__ import annotations

from wave_runner.core.outcome import ErrorClass

BASE_S = 1.0
CAP_S = 300.0
# What a server asks for is kept up to here: a garbled header must not park work for years.
LONGEST_ASKED_S = 3600.0

# The same request would fail the same way.
HOPELESS = frozenset({ErrorClass.PERMANENT})


def delay_before_retry(
    error_class: ErrorClass, *, errors: int, max_attempts: int, chance: float, asked_s: float | None = None
) -> float | None:
    """Return the seconds to wait before the next attempt, or None when there is none.

    Exponential backoff with full jitter: `chance` in [0, 1) times min(CAP_S, BASE_S · 2^(errors-1)), and never
    less than what the server asked for. `errors` counts the failures that are charged, this one among them.
    """
    if error_class in HOPELESS or errors >= max_attempts:
        return None
    window = min(CAP_S, BASE_S * 2.0 ** min(errors - 1, 30))
    return max(chance * window, min(asked_s or 0.0, LONGEST_ASKED_S))


def delay_in_outage(*, chance: float, asked_s: float | None = None) -> float:
    """Return the seconds after which work is there again that met an outage: its breaker decides when it is done."""
    return max(chance * BASE_S, min(asked_s or 0.0, LONGEST_ASKED_S))
