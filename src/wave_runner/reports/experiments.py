"""What came of a trial, a shadow, a repeat or an eval: from what is recorded of it, in one snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from wave_runner.core import comparing, gold, repeatability, shape
from wave_runner.core.comparing import FieldShare, Likeness, Pair, Side, Took
from wave_runner.core.experiment import RunKind
from wave_runner.core.gold import FieldAccuracy, Judged, Since
from wave_runner.core.interaction import State
from wave_runner.core.repeatability import FieldAgreement, Unsteady
from wave_runner.errors import NotFoundError
from wave_runner.store import experiments
from wave_runner.store.reports import snapshot

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database, Row
    from wave_runner.store.experiments import Experiment


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Another version (b) of a step beside its results in force (a), those that differ first; a shadow too.

    `equal` to `neither` count the pairs. `agreement` is the share of equal ones among those where both have a result.
    `overtaken` are results that a shadow was given and that count no more since: they are in no pair.
    """

    experiment: Experiment
    equal: int
    differs: int
    only_a: int
    only_b: int
    neither: int
    agreement: float | None
    fields: Sequence[FieldShare]
    a: Took
    b: Took
    pairs: Sequence[Pair]
    overtaken: int
    writes: Sequence[str]  # what the step would write: never written by an experiment, nor compared


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """The same version of a step several times on the same inputs.

    `steady` of the `records` got the same answer each time; `answers` came to a result, of `took.results`.
    """

    experiment: Experiment
    records: int
    steady: int
    took: Took
    fields: Sequence[FieldAgreement]
    unsteady: Sequence[Unsteady]


@dataclass(frozen=True, kw_only=True)
class Eval:
    """A step's answers against a gold set; `right` of the `cases` have everything that is expected, `wrong` have not.

    `since` is what has changed since the eval before; None for the first one.
    """

    experiment: Experiment
    cases: int
    right: int
    took: Took
    fields: Sequence[FieldAccuracy]
    wrong: Sequence[Judged]
    since: Since | None

    @property
    def accuracy(self) -> float | None:
        return self.right / self.cases if self.cases else None


async def trial(database: Database, run_id: int, kind: RunKind = RunKind.TRIAL) -> Trial:
    """Return what came of a trial, or of a shadow, so far. Raises `NotFoundError` for a number that is none."""
    async with snapshot(database) as connection:
        experiment = await _experiment(connection, kind, run_id)
        ended = await _ended(connection, run_id)
        rows = [row for row in ended if not _is_overtaken(experiment, row)]
        pinned, _ = await experiments.pinned(connection, run_id)
        ours = await experiments.costs(connection, [(run_id, row["interaction_id"]) for row in rows])
        theirs = await experiments.costs(connection, [(row["source_run_id"], row["source_id"]) for row in rows])
    pairs = [
        Pair(
            record=row["record"],
            step=experiment.step,
            item=row["item"],
            a=_counterpart(row, theirs.get((row["source_run_id"], row["source_id"]), 0)),
            b=_side(row, ours.get((run_id, row["interaction_id"]), 0)),
        )
        for row in rows
    ]
    counted = comparing.counted(pairs)
    return Trial(
        experiment=experiment,
        equal=counted[Likeness.EQUAL],
        differs=counted[Likeness.DIFFERS],
        only_a=counted[Likeness.ONLY_A],
        only_b=counted[Likeness.ONLY_B],
        neither=counted[Likeness.NEITHER],
        agreement=comparing.agreement(counted),
        fields=comparing.by_field(pairs),
        a=comparing.took([pair.a for pair in pairs if pair.a]),
        b=comparing.took([pair.b for pair in pairs if pair.b]),
        pairs=comparing.differing_first(pairs),
        overtaken=len(ended) - len(rows),
        writes=pinned.step.writes,
    )


async def repeat(database: Database, run_id: int) -> Repeat:
    """Return what came of a repeat so far. Raises `NotFoundError` for a number that is no repeat."""
    async with snapshot(database) as connection:
        experiment = await _experiment(connection, RunKind.REPEAT, run_id)
        rows = await _ended(connection, run_id)
        categories = _categories(await experiments.pinned(connection, run_id))
        costs = await experiments.costs(connection, [(run_id, row["interaction_id"]) for row in rows])
    sides = [_side(row, costs.get((run_id, row["interaction_id"]), 0)) for row in rows]
    answers: dict[str, list[Any]] = {}
    for row, side in zip(rows, sides, strict=True):
        # One record may have several results of a step: each is repeated by itself.
        answers.setdefault(f"{row['record']}\x00{row['source_id']}", []).append(_answer(side))
    named = _named(answers)
    return Repeat(
        experiment=experiment,
        records=len(named),
        steady=sum(repeatability.is_steady(outputs) for outputs in named.values()),
        took=comparing.took(sides),
        fields=repeatability.by_field(named, categories),
        unsteady=repeatability.unsteady(named),
    )


async def evaluation(database: Database, run_id: int) -> Eval:
    """Return what came of an eval so far. Raises `NotFoundError` for a number that is no eval."""
    async with snapshot(database) as connection:
        experiment = await _experiment(connection, RunKind.EVAL, run_id)
        rows = await _ended(connection, run_id)
        categories = _categories(await experiments.pinned(connection, run_id))
        costs = await experiments.costs(connection, [(run_id, row["interaction_id"]) for row in rows])
        before = await experiments.eval_before(connection, run_id)
        earlier = await _ended(connection, before) if before is not None else []
    judged = [_judged(row) for row in rows if row["expected"] is not None]
    was = [_judged(row) for row in earlier if row["expected"] is not None]
    return Eval(
        experiment=experiment,
        cases=len(judged),
        right=sum(one.is_right for one in judged),
        took=comparing.took([_side(row, costs.get((run_id, row["interaction_id"]), 0)) for row in rows]),
        fields=gold.by_field(judged, sorted(categories)),
        wrong=[one for one in judged if not one.is_right],
        since=gold.since(before, was, judged) if before is not None else None,
    )


async def _experiment(connection: Connection, kind: RunKind, run_id: int) -> Experiment:
    found = await experiments.known(connection, kind, run_id)
    if not found:
        raise NotFoundError(f"there is no {kind} {run_id}", hint=f"wave {kind} list")
    return found[0]


async def _ended(connection: Connection, run_id: int) -> list[Row]:
    """Return the interactions that have ended, with their counterparts."""
    return [row for row in await experiments.pairs(connection, run_id) if row["state"] not in ("pending", "running")]


def _is_overtaken(experiment: Experiment, row: Row) -> bool:
    """Say whether what a shadow is held against counts no more. Once it is adopted, that is what adopting is for."""
    if experiment.kind is not RunKind.SHADOW or experiment.adopted_at is not None or row["source_state"] is None:
        return False
    return not row["source_in_force"] or row["source_state"] == State.INVALIDATED


def _side(row: Row, money: int | None) -> Side:
    return Side(
        state=row["state"],
        output=_json(row["output"]),
        rule=row["rule"] or row["error_class"],
        error=row["error"],
        tokens=row["tokens"],
        us=row["service_us"],
        money=money,
    )


def _counterpart(row: Row, money: int | None) -> Side | None:
    if row["source_state"] is None:
        return None
    return Side(
        state=row["source_state"],
        output=_json(row["source_output"]),
        rule=row["source_rule"],
        tokens=row["source_tokens"],
        us=row["source_us"],
        money=money,
    )


def _answer(side: Side) -> Any:
    """Return an answer to be counted: that there is none is one of its own, by the rule that it broke."""
    return side.output if side.is_there else {comparing.WHOLE: side.rule or side.state}


def _named(answers: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return answers by record; of one that has several results of the step, each with a number."""
    found: dict[str, list[Any]] = {}
    for key, outputs in answers.items():
        record = key.partition("\x00")[0]
        found[record if record not in found else f"{record} ({len(found)})"] = outputs
    return found


def _judged(row: Row) -> Judged:
    """Return a case of a gold set. One without a record is called by its input, so that it is known again."""
    said = orjson.loads(row["expected"])
    digest = hashlib.sha256((row["input"] or "").encode()).hexdigest()[:12]
    return Judged(
        case=row["record"] if row["record_id"] is not None else f"input {digest}",
        expected=said["expected"],
        tolerance=said["tolerance"],
        output=_json(row["output"]),
        why=row["rule"] or row["error_class"] or "",
    )


def _categories(pinned: tuple[Any, bytes | None]) -> frozenset[str]:
    """Return the fields that take one of few values: those that the schema binds to a list, and booleans."""
    schema = orjson.loads(pinned[1]) if pinned[1] is not None else {}
    names = shape.fields(schema) or {}
    return frozenset(
        name for name in names if shape.values(schema, name) or shape.types(schema, name) == frozenset({"boolean"})
    )


def _json(text: str | None) -> Any:
    return orjson.loads(text) if text is not None else None
