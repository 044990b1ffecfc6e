"""The canary of a run: its first records, and what must hold of their results before the others follow.

Figures in, verdict out. How far two distributions lie apart is their total variation distance, half the sum of the
differences of their shares: 0 where they are the same, 1 where they have no value in common (Levin, Peres and Wilmer,
Markov Chains and Mixing Times, section 4.1).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_RECORDS = 1_000_000


class Then(enum.StrEnum):
    """What follows once the gates have been looked at."""

    GO_ON = "go_on"  # the others follow whatever the gates say; an alert says what does not hold
    PAUSE = "pause"  # they follow if every gate holds, else the run is paused
    ASK = "ask"  # the run is paused in either case: a person looks, and resumes it


class Measure(enum.StrEnum):
    """What a gate looks at."""

    QUARANTINED = "quarantined"  # the share of the records of which something was quarantined
    FAILED = "failed"  # the share of the records of which something has failed
    SECONDS = "seconds"  # the median time of a step
    LENGTH = "length"  # the median number of characters of a field
    SHARES = "shares"  # of the values of a field


class Bound(enum.StrEnum):
    """How what is found is bounded: the first two by themselves, the others by the run before."""

    LEAST = "least"
    MOST = "most"
    MORE = "more"  # a share may be so much larger than before
    TIMES = "times"  # a median may be so many times the one before; of a length, also so many times smaller
    DISTANCE = "distance"  # shares may lie so far from those before


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One bound. `step` and `field` say of what, "" where the measure is of records; `value` whose share is bounded."""

    measure: Measure
    bound: Bound
    limit: float
    step: str = ""
    field: str = ""
    value: str = ""

    @property
    def name(self) -> str:
        """The gate as the workflow file names it: `shares score.verdict distance`."""
        of = ".".join(filter(None, (self.step, self.field)))
        return " ".join(filter(None, (self.measure, of, self.bound, self.value)))


@dataclass(frozen=True, kw_only=True)
class Canary:
    """What a workflow file says of it. Without `gates` of its own it has `USUAL_GATES`."""

    records: int
    then: Then = Then.PAUSE
    gates: tuple[Gate, ...] = ()


USUAL_GATES = tuple(
    Gate(measure=measure, bound=bound, limit=limit)
    for measure in (Measure.QUARANTINED, Measure.FAILED)
    for bound, limit in ((Bound.MOST, 0.25), (Bound.MORE, 0.1))
)
"""What is looked at where a workflow file names no gates."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the results of a run are like: records in all, and of each step and field that a gate names.

    `shares` has the share of each value, by step and field.
    """

    records: int
    quarantined: int
    failed: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    lengths: Mapping[tuple[str, str], float] = field(default_factory=dict)
    shares: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A gate with what was found, and what that was in the run before.

    `holds` is None where nothing can be said: there is no run before, or no result to look at.
    """

    gate: Gate
    found: float | None
    before: float | None
    holds: bool | None


def judge(gates: Sequence[Gate], now: Figures, before: Figures | None) -> tuple[Judged, ...]:
    """Hold what the canary has come to against each gate. `before` are the figures of the run before, if any."""
    return tuple(_judge(gate, now, before) for gate in gates)


def passes(judged: Sequence[Judged]) -> bool:
    """Say whether the others may follow: no gate is broken."""
    return all(one.holds is not False for one in judged)


def pauses(then: Then, *, passed: bool) -> bool:
    """Say whether the run is paused now that its canary was judged."""
    return then is Then.ASK or (then is Then.PAUSE and not passed)


def distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the total variation distance of two distributions, from 0 to 1."""
    return sum(abs(one.get(value, 0.0) - other.get(value, 0.0)) for value in one.keys() | other.keys()) / 2


def _judge(gate: Gate, now: Figures, before: Figures | None) -> Judged:
    found = _figure(gate, now)
    earlier = _figure(gate, before) if before is not None else None
    if gate.bound is Bound.DISTANCE:
        place = (gate.step, gate.field)
        both = [figures.shares.get(place) for figures in (now, before) if figures is not None]
        found = distance(both[0], both[1]) if len(both) == 2 and both[0] and both[1] else None
        earlier = None
    return Judged(gate=gate, found=found, before=earlier, holds=_holds(gate, found, earlier))


def _figure(gate: Gate, figures: Figures) -> float | None:
    place = (gate.step, gate.field)
    match gate.measure:
        case Measure.QUARANTINED:
            return figures.quarantined / figures.records if figures.records else None
        case Measure.FAILED:
            return figures.failed / figures.records if figures.records else None
        case Measure.SECONDS:
            return figures.seconds.get(gate.step)
        case Measure.LENGTH:
            return figures.lengths.get(place)
        case Measure.SHARES:
            shares = figures.shares.get(place)
            return shares.get(gate.value, 0.0) if shares else None


def _holds(gate: Gate, found: float | None, before: float | None) -> bool | None:
    if found is None:
        return None
    match gate.bound:
        case Bound.LEAST:
            return found >= gate.limit
        case Bound.MOST | Bound.DISTANCE:
            return found <= gate.limit
        case Bound.MORE:
            return None if before is None else found - before <= gate.limit
        case Bound.TIMES:
            return _times(gate, found, before)


def _times(gate: Gate, found: float, before: float | None) -> bool | None:
    if not before:
        return None
    small_enough = found <= gate.limit * before
    return small_enough and (gate.measure is Measure.SECONDS or found * gate.limit >= before)
