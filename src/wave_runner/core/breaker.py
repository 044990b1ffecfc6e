"""Circuit breakers: when a server or a model is left alone, for how long, and who may try it again.

One for each server and one for each model, shared by all runners. A row of failures, or a single one that speaks of the
server or the model itself, opens it: its work waits then, and nothing is charged to anybody. When its time has come one
runner tries one record (half open); what comes of that closes it, or opens it for longer. The pattern is that of M.
Nygard, "Release It!", 2nd edition, 2018, chapter 5.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from wave_runner.core.outcome import ErrorClass, Failure, Outage, Outcome

FAILURES_TO_OPEN = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

# It has answered, whatever it said.
OF_THE_ITEM = frozenset({ErrorClass.INVALID_OUTPUT, ErrorClass.TRUNCATED})
# A server that has too much to do is asked again when it said so; only if that goes on is it left alone.
OF_TOO_MUCH = frozenset({ErrorClass.RATE_LIMITED, ErrorClass.OVERLOADED})


class Position(enum.StrEnum):
    """How a breaker stands."""

    CLOSED = "closed"  # all is well, or not bad enough
    OPEN = "open"  # nobody asks before its time
    HALF_OPEN = "half_open"  # one runner is trying


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """A breaker. `failures` are those in a row, `trips` how often it has opened since it was closed last.

    `pause_s` is how long it stays open, from the moment at which it opened.
    """

    position: Position = Position.CLOSED
    failures: int = 0
    trips: int = 0
    pause_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What an outcome says of a server or a model. `grave`: there is no use in asking anything else of it now."""

    of: Outage
    failed: bool
    grave: bool = False


def sign_of(outcome: Outcome) -> Sign | None:
    """Return what an outcome says of whoever answered; None where it says nothing.

    An answer is a good sign of the model, whatever its contract says of it: the server has worked.
    """
    if not isinstance(outcome, Failure):
        return Sign(of=Outage.MODEL, failed=False)
    if outcome.outage is not None:
        return Sign(of=outcome.outage, failed=True, grave=outcome.error_class not in OF_TOO_MUCH)
    if outcome.error_class is ErrorClass.PERMANENT:
        return None
    return Sign(of=Outage.MODEL, failed=outcome.error_class not in OF_THE_ITEM)


def after_failure(breaker: Breaker, *, grave: bool, probe: bool, chance: float) -> Breaker:
    """Return the breaker after one more failure. `probe`: of whoever tried it while it was half open.

    A pause doubles with each trip, up to LONGEST_PAUSE_S, of which `chance` in [0, 1) spares up to a half: runners do
    not come back all at once. Failures of requests that were on their way when it opened change nothing.
    """
    counted = replace(breaker, failures=breaker.failures + 1)
    if breaker.position is Position.CLOSED:
        return _open(counted, chance) if grave or counted.failures >= FAILURES_TO_OPEN else counted
    return _open(counted, chance) if breaker.position is Position.HALF_OPEN and probe else counted


def _open(breaker: Breaker, chance: float) -> Breaker:
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(breaker.trips, 30)) * (1 - chance / 2)
    return replace(breaker, position=Position.OPEN, trips=breaker.trips + 1, pause_s=pause_s)
