"""How far answers to one and the same question agree: shares, kappa, spread.

Kappa is agreement beyond what chance gives: 1 is always, 0 as often as by chance, below 0 less often. It says nothing
of whether an answer is right.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.canonical import dumps
from wave_runner.core.comparing import flat


def cohen(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Return Cohen's kappa of two who have judged the same things, in one order. None where chance agrees always.

    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960), 37-46.
    """
    if len(a) != len(b):
        raise ValueError(f"two have to judge the same things, and there are {len(a)} and {len(b)} judgements")
    n = len(a)
    if not n:
        return None
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / n
    first, second = Counter(a), Counter(b)
    by_chance = sum(first[value] * second[value] for value in first) / (n * n)
    return _beyond(observed, by_chance)


def fleiss(subjects: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Fleiss' kappa: each subject with the judgements that it got, as many for each. None as for Cohen's.

    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971), 378-382.
    """
    sizes = {len(one) for one in subjects}
    if len(sizes) > 1:
        raise ValueError(f"each subject needs as many judgements, and there are {sorted(sizes)}")
    if not subjects or sizes == {0} or sizes == {1}:
        return None
    observed = statistics.fmean(pairwise(one) for one in subjects)
    counts = Counter(value for one in subjects for value in one)
    total = counts.total()
    by_chance = sum((n / total) ** 2 for n in counts.values())
    return _beyond(observed, by_chance)


def _beyond(observed: float, by_chance: float) -> float | None:
    return None if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)


def pairwise(judgements: Sequence[Hashable]) -> float:
    """Return the share of pairs of judgements that agree; 1 where there are no two."""
    n = len(judgements)
    if n < 2:
        return 1.0
    return sum(count * (count - 1) for count in Counter(judgements).values()) / (n * (n - 1))


@dataclass(frozen=True, kw_only=True)
class FieldAgreement:
    """How far the answers agree in one field, over all records that were answered at least twice.

    `agreement` is the mean share of pairs that agree, `steady` the share of records whose answers are all the same.
    `kappa` is Fleiss' of a field that takes one of few values; `spread` is of numbers: the mean of each record's
    standard deviation, and `widest` the widest range between the least and the greatest. None: it is no such field.
    """

    field: str
    agreement: float
    steady: float
    kappa: float | None = None
    spread: float | None = None
    widest: float | None = None


@dataclass(frozen=True, kw_only=True)
class Unsteady:
    """A record whose answers disagree: by field, each value with how often it was given, as JSON text."""

    record: str
    disagreement: float
    fields: Mapping[str, Mapping[str, int]]


def by_field(records: Mapping[str, Sequence[Any]], categories: Iterable[str]) -> list[FieldAgreement]:
    """Return the agreement in each field of answers by record, the least first. `categories` take one of few values."""
    few = frozenset(categories)
    answered = [[flat(output) for output in outputs] for outputs in records.values() if len(outputs) > 1]
    names = dict.fromkeys(name for outputs in answered for output in outputs for name in output)
    found = [_field(name, [[one.get(name) for one in outputs] for outputs in answered], few) for name in names]
    return sorted(found, key=lambda one: one.agreement)


def is_steady(outputs: Sequence[Any]) -> bool:
    """Say whether all answers are the same."""
    return len({_key(flat(output)) for output in outputs}) <= 1


def _field(name: str, subjects: list[list[Any]], few: frozenset[str]) -> FieldAgreement:
    keys = [[_key(value) for value in one] for one in subjects]
    complete = [one for one in keys if len(one) == max(map(len, keys))]  # kappa wants as many answers for each
    numbers = [[float(value) for value in one if _is_number(value)] for one in subjects]
    numbers = [one for one in numbers if len(one) > 1]
    numeric = name not in few and bool(numbers)
    return FieldAgreement(
        field=name,
        agreement=statistics.fmean(pairwise(one) for one in keys),
        steady=statistics.fmean(len(set(one)) == 1 for one in keys),
        kappa=fleiss(complete) if name in few else None,
        spread=statistics.fmean(statistics.pstdev(one) for one in numbers) if numeric else None,
        widest=max(max(one) - min(one) for one in numbers) if numeric else None,
    )


def unsteady(records: Mapping[str, Sequence[Any]]) -> list[Unsteady]:
    """Return the records whose answers disagree: by the share of pairs that do, of all fields, the largest first."""
    found = []
    for record, outputs in records.items():
        answers = [flat(output) for output in outputs]
        fields = {name: [_key(one.get(name)) for one in answers] for one in answers for name in one}
        apart = {name: keys for name, keys in fields.items() if len(set(keys)) > 1}
        if apart:
            disagreement = statistics.fmean(1 - pairwise(keys) for keys in fields.values())
            told = {name: dict(Counter(keys).most_common()) for name, keys in apart.items()}
            found.append(Unsteady(record=record, disagreement=disagreement, fields=told))
    return sorted(found, key=lambda one: (-one.disagreement, one.record))


def _key(value: Any) -> str:
    """Return a value's JSON text: what two values are compared by. A whole number is the same with and without .0."""
    return dumps(_plain(value)).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
