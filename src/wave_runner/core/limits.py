"""How much a record, or a run as a whole, may use: what a workflow's `limits` say, and which of them is used up.

What is counted are attempts, whatever comes of them: a retry is a call, and its tokens count. Everything is a whole
number: times in microseconds, money in billionths of whatever the prices are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RECORD, RUN = "record", "run"
SCOPES = (RECORD, RUN)
INTERACTIONS, MODEL_CALLS, SECONDS, TOKENS, MONEY = "interactions", "model_calls", "seconds", "tokens", "money"
COUNTED = (INTERACTIONS, MODEL_CALLS, SECONDS, TOKENS, MONEY)
CHAIN_DEPTH = "chain_depth"

MOST = 10**15  # of anything that is counted: exact in every JSON
UNITS = {SECONDS: 1_000_000, MONEY: 1_000_000_000}
"""What one in a workflow file is, where that is not the unit that is counted in."""

OF_MODELS = frozenset({MODEL_CALLS, TOKENS, MONEY})
"""Used up, these stop what models do; what has been paid for can still be saved."""


BUDGETS = (TOKENS, MONEY)
"""What is reserved of a run's limit before each call, so that it is never exceeded; a run without enough is paused."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a workflow allows, by what is counted; what is not named has no limit. `chain_depth` 0 is none."""

    record: Mapping[str, int] = field(default_factory=dict)
    run: Mapping[str, int] = field(default_factory=dict)
    chain_depth: int = 0

    def __bool__(self) -> bool:
        return bool(self.record or self.run or self.chain_depth)

    def of(self, scope: str) -> Mapping[str, int]:
        return self.record if scope == RECORD else self.run

    @property
    def has_budget(self) -> bool:
        """Whether the calls of a run are kept in the ledger."""
        return any(name in self.run for name in BUDGETS)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a record or a run has used so far. `seconds` are microseconds in which actors have worked."""

    interactions: int = 0
    model_calls: int = 0
    seconds: int = 0
    tokens: int = 0
    money: int = 0

    def plus(self, other: Spent) -> Spent:
        """Return both together."""
        return Spent(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


@dataclass(frozen=True, kw_only=True)
class UsedUp:
    """A limit that leaves no room for another attempt: its name, what it allows, and what is used, as in the file."""

    name: str
    most: float
    used: float

    @property
    def rule(self) -> str:
        return f"limit_{self.name}"

    @property
    def message(self) -> str:
        return f"{self.name} is used up: {self.used:g} of {self.most:g}; no call was made"


@dataclass(frozen=True, kw_only=True)
class Short:
    """A budget of a run that does not suffice for a call: what it allows, what is used, what the call may use."""

    budget: str
    most: int
    used: int
    asked: int
    passes: bool  # what is missing is reserved for calls under way, which may not need it

    @property
    def name(self) -> str:
        """The limit as the file names it."""
        return f"{self.budget}_per_{RUN}"

    @property
    def message(self) -> str:
        unit = UNITS.get(self.budget, 1)
        most, used, asked = (f"{amount / unit:g}" for amount in (self.most, self.used, self.asked))
        return f"{self.name}: {used} of {most} is used, and the next call may use {asked}"


def short_of(limits: Limits, used: Spent, *, reserved: Spent, granted: Spent, asked: Spent) -> Short | None:
    """Return the first budget of a run that does not suffice for a call which may use `asked`; None if all do."""
    for name in BUDGETS:
        if name not in limits.run:
            continue
        most = limits.run[name] + getattr(granted, name)
        needed = getattr(used, name) + getattr(asked, name)
        if needed + getattr(reserved, name) <= most:
            continue
        return Short(
            budget=name, most=most, used=getattr(used, name), asked=getattr(asked, name), passes=needed <= most
        )
    return None


def used_up(
    limits: Limits, spent: Mapping[str, Spent], *, attempt: int, calls_model: bool, depth: int = 0
) -> UsedUp | None:
    """Return the first limit that an attempt would break; None if it may be made.

    `spent` is by scope; an interaction without a record has only `run`. Only an interaction's first attempt counts as
    one. `depth` is the length of its chain of causes, itself included.
    """
    if limits.chain_depth and depth > limits.chain_depth:
        return UsedUp(name=CHAIN_DEPTH, most=limits.chain_depth, used=depth - 1)
    for scope in SCOPES:
        for name in COUNTED if scope in spent else ():
            most = limits.of(scope).get(name)
            if scope == RUN and name in BUDGETS:
                continue  # these pause the run: short_of
            if most is None or (name in OF_MODELS and not calls_model) or (name == INTERACTIONS and attempt > 1):
                continue
            used = getattr(spent[scope], name)
            if used >= most:
                unit = UNITS.get(name, 1)
                return UsedUp(name=f"{name}_per_{scope}", most=most / unit, used=used / unit)
    return None


def begun(*, attempt: int, calls_model: bool) -> Spent:
    """Return what an attempt uses by being begun."""
    return Spent(interactions=int(attempt == 1), model_calls=int(calls_model))
