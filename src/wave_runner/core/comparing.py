"""Two results side by side, field by field: what is equal, what differs, what only one of them has."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.interaction import State

WHOLE = "(output)"
"""The field that stands for an output which is no object."""

WORKED = frozenset({State.COMPLETED, State.INVALIDATED})
"""States of which there is an output."""


class Likeness(enum.StrEnum):
    """How two results are to each other, and so are two values of a field."""

    EQUAL = "equal"
    DIFFERS = "differs"
    ONLY_A = "only_a"  # the other one did not come to a result, or has no such field
    ONLY_B = "only_b"
    NEITHER = "neither"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two results: its state, its output as a JSON value (None: it has none), and what it took.

    `us` is what its last attempt took in microseconds, `money` what its calls cost in billionths; None: unknown.
    """

    state: str
    output: Any = None
    rule: str | None = None
    error: str | None = None
    tokens: int | None = None
    us: int | None = None
    money: int | None = None

    @property
    def is_there(self) -> bool:
        return self.output is not None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What the two sides have of one record, step, item and round. None: that side has not been there."""

    record: str
    step: str
    a: Side | None
    b: Side | None
    item: int = 0
    iteration: int = 0

    @property
    def fields(self) -> dict[str, Likeness]:
        """Return how each field of the two outputs stands to the other's, in the order in which they come."""
        return compare(self.a.output if self.a else None, self.b.output if self.b else None)

    @property
    def likeness(self) -> Likeness:
        a, b = self.a is not None and self.a.is_there, self.b is not None and self.b.is_there
        if not (a and b):
            return Likeness.ONLY_A if a else Likeness.ONLY_B if b else Likeness.NEITHER
        same = all(one is Likeness.EQUAL for one in self.fields.values())
        return Likeness.EQUAL if same else Likeness.DIFFERS


@dataclass(frozen=True, kw_only=True)
class FieldShare:
    """How often a field is equal, differs, or is only on one side; `agreement` is the share of what both have."""

    field: str
    equal: int
    differs: int
    only_a: int
    only_b: int

    @property
    def agreement(self) -> float | None:
        both = self.equal + self.differs
        return self.equal / both if both else None


@dataclass(frozen=True, kw_only=True)
class Took:
    """What one side has come to: results, and those that broke a contract of their output or failed, by rule.

    `median_us` is of results whose time was measured; `tokens` and `money` are sums of what is known, and
    `unknown_money` counts what is not.
    """

    results: int
    completed: int
    broken: Mapping[str, int]
    median_us: float | None
    tokens: int
    money: int
    unknown_money: int


def flat(output: Any) -> dict[str, Any]:
    """Return the fields of an output by their paths: those of objects inside it as `outer.inner`, lists as a whole."""
    if not isinstance(output, Mapping):
        return {} if output is None else {WHOLE: output}
    found: dict[str, Any] = {}
    for name, value in output.items():
        if isinstance(value, Mapping) and value:
            found |= {f"{name}.{inner}": one for inner, one in flat(value).items()}
        else:
            found[str(name)] = value
    return found


def compare(a: Any, b: Any) -> dict[str, Likeness]:
    """Return how each field of one output stands to that of the other; nothing where one of them is not there."""
    if a is None or b is None:
        return {}
    ours, theirs = flat(a), flat(b)
    found = {}
    for name in dict.fromkeys((*ours, *theirs)):
        if name not in theirs:
            found[name] = Likeness.ONLY_A
        elif name not in ours:
            found[name] = Likeness.ONLY_B
        else:
            found[name] = Likeness.EQUAL if same(ours[name], theirs[name]) else Likeness.DIFFERS
    return found


def differing(pair: Pair) -> list[tuple[str, Any, Any]]:
    """Return the fields in which two results differ, each with both values; None for a field that is not there."""
    if pair.a is None or pair.b is None:
        return []
    ours, theirs = flat(pair.a.output), flat(pair.b.output)
    return [(name, ours.get(name), theirs.get(name)) for name, one in pair.fields.items() if one is not Likeness.EQUAL]


def same(a: Any, b: Any) -> bool:
    """Say whether two JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(value, b[name]) for name, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def by_field(pairs: Iterable[Pair]) -> list[FieldShare]:
    """Return each field's share over all pairs, those that agree least first."""
    counts: dict[str, dict[Likeness, int]] = {}
    for pair in pairs:
        for name, likeness in pair.fields.items():
            counted = counts.setdefault(name, dict.fromkeys(Likeness, 0))
            counted[likeness] += 1
    shares = [
        FieldShare(
            field=name,
            equal=counted[Likeness.EQUAL],
            differs=counted[Likeness.DIFFERS],
            only_a=counted[Likeness.ONLY_A],
            only_b=counted[Likeness.ONLY_B],
        )
        for name, counted in counts.items()
    ]
    return sorted(shares, key=lambda one: (one.agreement is not None, one.agreement))


def counted(pairs: Iterable[Pair]) -> dict[Likeness, int]:
    """Return how many pairs are equal, differ, or have only one side."""
    found = dict.fromkeys(Likeness, 0)
    for pair in pairs:
        found[pair.likeness] += 1
    return found


def agreement(counted: Mapping[Likeness, int]) -> float | None:
    """Return the share of equal pairs among those where both sides have a result; None where there is none."""
    both = counted[Likeness.EQUAL] + counted[Likeness.DIFFERS]
    return counted[Likeness.EQUAL] / both if both else None


_FIRST = [Likeness.DIFFERS, Likeness.ONLY_A, Likeness.ONLY_B, Likeness.NEITHER, Likeness.EQUAL]


def differing_first(pairs: Iterable[Pair]) -> list[Pair]:
    """Return pairs in the order in which somebody wants to look at them: where most fields differ first."""

    def place(pair: Pair) -> tuple[int, int]:
        return _FIRST.index(pair.likeness), -sum(one is not Likeness.EQUAL for one in pair.fields.values())

    return sorted(pairs, key=place)


def took(sides: Sequence[Side]) -> Took:
    """Return what all results of one side together have come to and have taken."""
    broken: dict[str, int] = {}
    for one in sides:
        if one.state not in WORKED:
            name = one.rule or one.state
            broken[name] = broken.get(name, 0) + 1
    measured = [one.us for one in sides if one.us is not None and one.state in WORKED]
    return Took(
        results=len(sides),
        completed=sum(one.state in WORKED for one in sides),
        broken=dict(sorted(broken.items())),
        median_us=statistics.median(measured) if measured else None,
        tokens=sum(one.tokens or 0 for one in sides),
        money=sum(one.money or 0 for one in sides),
        unknown_money=sum(one.money is None for one in sides),
    )
