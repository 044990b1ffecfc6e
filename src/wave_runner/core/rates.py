"""How often something may be asked, by everybody together: what at once, what in a minute.

Requests are spread evenly: where 60 a minute are allowed, one begins each second. So no minute, wherever it begins, has
more than is allowed, and a server that counts in shorter spans has no reason to refuse. An account keeps two times:
when the next request may begin, and when the tokens that were granted will have been paid off. Each start moves them on
(the generic cell rate algorithm, ITU-T I.371, without tolerance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MINUTE_S = 60.0
# How soon to look again where all places are taken: nobody can know when one becomes free.
LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What an actor, or a server, allows; None is no limit. `concurrency` counts requests, or the waves of a script."""

    concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.concurrency, self.requests_per_minute, self.tokens_per_minute))


@dataclass(frozen=True, kw_only=True)
class Account:
    """How an account stands at this moment: what is under way on it, and the seconds until each of its two times."""

    under_way: int = 0
    next_request_s: float = 0.0
    next_token_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Booking:
    """What a start costs its account: by how many seconds its two times move on, from now at the earliest."""

    request_s: float = 0.0
    token_s: float = 0.0


def wait_s(accounts: Sequence[tuple[Rate, Account]]) -> float:
    """Return the seconds to wait before a start; 0 where it may begin at once."""
    return max((_wait_s(rate, account) for rate, account in accounts), default=0.0)


def booking(rate: Rate, *, tokens: int) -> Booking:
    """Return what a start costs that will use up to so many tokens."""
    return Booking(
        request_s=MINUTE_S / rate.requests_per_minute if rate.requests_per_minute else 0.0,
        token_s=MINUTE_S * tokens / rate.tokens_per_minute if rate.tokens_per_minute else 0.0,
    )


def refund_s(rate: Rate, *, granted: int, used: int) -> float:
    """Return the seconds by which tokens that were granted and not used bring the next ones nearer.

    Below 0 where more were used than granted: the next ones come later by that.
    """
    return MINUTE_S * (granted - used) / rate.tokens_per_minute if rate.tokens_per_minute else 0.0


def spacing_s(rates: Sequence[Rate]) -> float:
    """Return the seconds from one start to the next that these allow, however many do the work."""
    return max((booking(rate, tokens=0).request_s for rate in rates), default=0.0)


def _wait_s(rate: Rate, account: Account) -> float:
    until = max(0.0, account.next_request_s, account.next_token_s)
    full = rate.concurrency is not None and account.under_way >= rate.concurrency
    return max(until, LOOK_AGAIN_S) if full else until
