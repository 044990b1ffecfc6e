"""What a call of a model costs, by the prices that its run has pinned: exact, and never guessed.

Prices are whole trillionths (of a token, of a second), costs whole billionths, of whatever currency the project names.
What a server does not tell has no cost: it is None, which adds to nothing and is counted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from wave_runner.core.outcome import Usage

INPUT, CACHED, OUTPUT, SECOND = "input", "cached", "output", "second"
DIGITS = {INPUT: 6, CACHED: 6, OUTPUT: 6, SECOND: 12}
"""The decimals that a price may have in wave.toml: of a million tokens, or of a second of the machine."""

BILLIONTHS = 9  # digits of a cost
MICROSECONDS = 6


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one call has used and cost, as the ledger keeps it.

    `tokens_in` holds the `tokens_cached`, which the server had in its cache. None is what nobody can say: tokens that
    the server has not counted, the cost of a model without a price.
    """

    tokens_in: int | None
    tokens_cached: int | None
    tokens_out: int | None
    service_us: int
    token_money: int | None
    machine_money: int | None

    @property
    def money(self) -> int:
        """Return what is known of its cost."""
        return (self.token_money or 0) + (self.machine_money or 0)


def price_of(kind: str, value: int | float) -> int | None:
    """Return a price of wave.toml in trillionths; None if it has more decimals than can be kept."""
    trillionths = Decimal(repr(value)).scaleb(DIGITS[kind])
    return int(trillionths) if trillionths == trillionths.to_integral_value() else None


def entry_of(price: Mapping[str, int], usage: Usage) -> Entry:
    """Return what a call has used and cost. A price that names only some of its parts asks nothing for the others."""
    told = tells_tokens(usage)
    cached = min(usage.tokens_cached, usage.tokens_in)
    return Entry(
        tokens_in=usage.tokens_in if told else None,
        tokens_cached=cached if told else None,
        tokens_out=usage.tokens_out if told else None,
        service_us=usage.service_us,
        token_money=_of_tokens(price, usage.tokens_in - cached, cached, usage.tokens_out, told=told),
        machine_money=_rounded(usage.service_us * price.get(SECOND, 0), MICROSECONDS) if price else None,
    )


def tells_tokens(usage: Usage) -> bool:
    """Say whether the tokens of a call are known: the server has counted them, or has not begun to answer."""
    return usage.tokens_in > 0 or usage.refused  # there is no prompt without a token


def _of_tokens(price: Mapping[str, int], fresh: int, cached: int, out: int, *, told: bool) -> int | None:
    of_input, of_output = price.get(INPUT, 0), price.get(OUTPUT, 0)
    of_cached = price.get(CACHED, of_input)  # who does not say otherwise asks as much as for any other
    if not price or not (told or of_input == of_cached == of_output == 0):
        return None
    return _rounded(fresh * of_input + cached * of_cached + out * of_output, 0)


def _rounded(trillionths: int, digits: int) -> int:
    """Return trillionths, of one in so many digits, as billionths."""
    return int(Decimal(trillionths).scaleb(-3 - digits).to_integral_value(rounding=ROUND_HALF_UP))


def amount(billionths: int | Decimal) -> Decimal:
    """Return a cost in the currency itself."""
    return Decimal(billionths).scaleb(-BILLIONTHS)
