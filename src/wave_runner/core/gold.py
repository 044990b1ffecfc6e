"""Gold: what the right answers are for some inputs, and how far a step's answers are those."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wave_runner.core.comparing import flat, same
from wave_runner.core.repeatability import cohen


@dataclass(frozen=True, kw_only=True)
class GoldCase:
    """One case of a gold set: of a record, by its key, or of an input of its own; and what is expected of each field.

    A number is right within its field's `tolerance`, which is absolute.
    """

    line: int
    record: str | None
    input: Mapping[str, Any] | None
    expected: Mapping[str, Any]
    tolerance: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GoldSet:
    """The cases of one file, which are all of one step."""

    path: str
    workflow: str
    step: str
    cases: tuple[GoldCase, ...]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A case and the answer to it. `output` is None where there is none; `why` says why not."""

    case: str
    expected: Mapping[str, Any]
    tolerance: Mapping[str, float]
    output: Any
    why: str = ""

    @property
    def fields(self) -> dict[str, bool]:
        """Return for each field that is expected whether the answer has it; without an answer nothing is right."""
        answer = flat(self.output)
        return {
            name: name in answer and fits(wanted, answer[name], self.tolerance.get(name))
            for name, wanted in flat(self.expected).items()
        }

    @property
    def is_right(self) -> bool:
        return all(self.fields.values())


@dataclass(frozen=True, kw_only=True)
class FieldAccuracy:
    """How often a field was right, of how many cases. `confusion` counts what was expected and what was given instead.

    `kappa` is Cohen's between what is expected and what was given; both are for fields that take one of few values.
    `error` is the mean absolute difference of numbers.
    """

    field: str
    right: int
    cases: int
    kappa: float | None = None
    error: float | None = None
    confusion: Mapping[str, Mapping[str, int]]

    @property
    def accuracy(self) -> float:
        return self.right / self.cases


@dataclass(frozen=True, kw_only=True)
class Since:
    """What has become of cases since an earlier eval: which are right now and were wrong, and the other way round."""

    run_id: int
    better: tuple[str, ...]
    worse: tuple[str, ...]


NO_ANSWER = "(no answer)"


def fits(wanted: Any, given: Any, tolerance: float | None) -> bool:
    """Say whether a value is what was expected; a number may be off by its tolerance."""
    if tolerance is not None and _is_number(wanted) and _is_number(given):
        return bool(abs(wanted - given) <= tolerance)
    return same(wanted, given)


def by_field(judged: Sequence[Judged], categories: Sequence[str]) -> list[FieldAccuracy]:
    """Return the accuracy of each field that is expected, the worst first. `categories` take one of few values."""
    names = dict.fromkeys(name for one in judged for name in one.fields)
    found = [_field(name, [one for one in judged if name in one.fields], name in categories) for name in names]
    return sorted(found, key=lambda one: one.accuracy)


def _field(name: str, judged: Sequence[Judged], is_category: bool) -> FieldAccuracy:
    pairs = [(flat(one.expected)[name], flat(one.output).get(name)) for one in judged]
    off = [abs(wanted - given) for wanted, given in pairs if _is_number(wanted) and _is_number(given)]
    told = [(_told(wanted), _told(given)) for wanted, given in pairs] if is_category else []
    confusion: dict[str, dict[str, int]] = {}
    for (wanted, given), n in sorted(Counter(told).items()):
        confusion.setdefault(wanted, {})[given] = n
    return FieldAccuracy(
        field=name,
        right=sum(one.fields[name] for one in judged),
        cases=len(judged),
        kappa=cohen([wanted for wanted, _ in told], [given for _, given in told]) if is_category else None,
        error=statistics.fmean(off) if off else None,
        confusion=confusion,
    )


def since(run_id: int, before: Sequence[Judged], now: Sequence[Judged]) -> Since:
    """Return what has changed since an eval before, of the cases that both have."""
    was = {one.case: one.is_right for one in before}
    changed = [(one.case, one.is_right) for one in now if one.case in was and was[one.case] != one.is_right]
    return Since(
        run_id=run_id,
        better=tuple(case for case, is_right in changed if is_right),
        worse=tuple(case for case, is_right in changed if not is_right),
    )


def _told(value: Any) -> str:
    return NO_ANSWER if value is None else value if isinstance(value, str) else str(value).lower()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
