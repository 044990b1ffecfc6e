"""Repair: redo exactly what is wrong, previewed, and take that back. Works with or without a runner."""

from __future__ import annotations

import itertools
import os
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from wave_runner.core.cascade import shape
from wave_runner.core.filters import Term
from wave_runner.core.interaction import State
from wave_runner.core.marks import Expect, mark_of, surprise
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.pinned import PinnedStep
from wave_runner.core.results import OUTPUT, is_of_result, meets
from wave_runner.core.workflow import ActorKind, CollectionSpec
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.runner import staleness
from wave_runner.runner.orders import Orders
from wave_runner.runner.steps import Steps
from wave_runner.store import invalidations, records, rejoining, reruns, runs, selections, undoing
from wave_runner.store.control import Scope
from wave_runner.store.database import Connection, Database, DataRefused
from wave_runner.store.invalidations import Finding
from wave_runner.store.rejoining import Stage, Superseded
from wave_runner.store.reruns import Known, Order, Result, UnderWay
from wave_runner.store.run_flow import RunFlow
from wave_runner.store.undoing import Undone

STALE = "(stale)"
"""Where a rerun of what is stale begins, as it is recorded: at more than one step."""

HAS_LED_ON = frozenset({State.COMPLETED, State.INVALIDATED})
"""States of results that something stands behind."""

_Stale = set[tuple[str, int]] | None
"""Stale results, by step and number; None where a step is named, whose results need not be stale."""

Pins = Callable[[Mapping[str, Any]], runs.NewRun]
"""Everything that a run with these parameters would pin now."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which results are to be redone: of a step of a workflow, narrowed by everything that is given.

    Without a step: all that are stale, held against what `now` says of each step (runner/staleness.py). With `leads_on`
    False only the step itself is redone, where it has completed.
    `pinned` is a digest of all that `now` says, where they are to be redone with that: it is a part of the mark.
    `terms` speak of the record's row or of the result (core/results.py), `sql` is a query that gives keys, `keys` are
    those of a file, `ids` are results that were picked from a list, `run_id` is one run; else each record's newest
    counts.
    """

    workflow: str
    step: str | None
    collection: CollectionSpec
    now: Mapping[str, PinnedStep] = field(default_factory=dict)
    pinned: str = ""
    run_id: int | None = None
    terms: tuple[Term, ...] = ()
    sql: str = ""
    keys: tuple[str, ...] | None = None
    ids: frozenset[int] | None = None
    leads_on: bool = True


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a rerun replaces of one step, and what that had taken: tokens and money in all, seconds in the median."""

    step: str
    kind: str
    interactions: int
    tokens: int
    median_s: float


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a rerun would do. `under_way` are records that are at work, and are left alone.

    `calls`, `tokens` and `seconds` are what the replaced results had taken: the new ones will take about as much.
    `money` is in billionths of the currency, None where a part of it is unknown. `kept` is what stands behind a step
    that alone is redone, and stays. `incomplete` are results that have not completed and are left alone then: nothing
    stands behind them.
    """

    records: int
    runs: tuple[int, ...]
    under_way: int
    redone: int
    steps: tuple[Share, ...]
    calls: int
    tokens: int
    money: int | None
    seconds: float
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    kept: tuple[Share, ...] = ()
    incomplete: int = 0
    mark: str = ""  # names exactly these results, for whoever acts on them

    @property
    def interactions(self) -> int:
        return sum(share.interactions for share in self.steps)


@dataclass(frozen=True, kw_only=True)
class Started:
    """A rerun that has begun."""

    rerun: int
    records: int
    redone: int
    superseded: int
    runs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Invalidated:
    """Results that count for nothing any more, in how many records."""

    records: int
    interactions: int
    runs: tuple[int, ...]


@dataclass(kw_only=True)
class _Chosen:
    order: str  # what is to be done with them
    by_run: dict[int, list[Result]] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    incomplete: int = 0

    @property
    def records(self) -> set[int]:
        return {one.record_id for results in self.by_run.values() for one in results}

    @property
    def mark(self) -> str:
        """What names these results as they are."""
        results = (one for results in self.by_run.values() for one in results)
        parts = ((one.run_id, one.interaction_id, one.state, one.generation) for one in results)
        return mark_of(parts, order=self.order)

    def within(self, other: _Chosen) -> _Chosen:
        """Return what is chosen here of the runs and records that are chosen there."""
        of = other.records
        by_run = {
            run_id: [one for one in results if one.record_id in of]
            for run_id, results in self.by_run.items()
            if run_id in other.by_run
        }
        by_run = {run_id: results for run_id, results in by_run.items() if results}
        return _Chosen(order=self.order, by_run=by_run, under_way=self.under_way)


@dataclass(kw_only=True)
class Repair:
    """Repairs of one person. Raises `NotFoundError` for what is not there, `ConflictError` where things changed."""

    database: Database
    steps: Steps
    orders: Orders
    by: str

    async def preview(self, choice: Choice) -> Preview:
        """Return what a rerun would do, changing nothing."""
        stale = await self._stale(choice)
        async with self.database.snapshot() as connection:
            chosen = await self._choose(connection, choice, stale)
            replaced: list[Stage] = []
            kept: list[Stage] = []
            redone = 0
            for seeds in chosen.by_run.values():
                for part in await self._replaced(connection, seeds, leads_on=choice.leads_on):
                    replaced += part.all
                    kept += part.kept
                    redone += len(part.seeds)
            costs = await reruns.money(connection, replaced)
            columns = await reruns.columns(connection, replaced)
        shares = _shares(replaced)
        models = [share for share in shares if share.kind == ActorKind.AI_MODEL]
        keys = sorted({one.key for results in chosen.by_run.values() for one in results})
        return Preview(
            records=len(chosen.records),
            runs=tuple(sorted(chosen.by_run)),
            under_way=len(chosen.under_way),
            redone=redone,
            steps=tuple(shares),
            calls=sum(share.interactions for share in models),
            tokens=sum(share.tokens for share in shares),
            money=costs,
            seconds=sum(share.interactions * share.median_s for share in shares),
            columns=columns,
            keys=tuple(keys),
            kept=tuple(_shares(kept)),
            incomplete=chosen.incomplete,
            mark=chosen.mark,
        )

    async def rerun(self, choice: Choice, pins: Pins, *, reason: str, expect: Expect = None) -> Started:
        """Redo what is chosen, in one transaction. Raises `ConflictError` where it is not what is expected."""
        stale = await self._stale(choice)
        try:
            async with self.database.transaction() as connection:
                return await self._rerun(connection, choice, stale, pins, reason=reason, expect=expect)
        except UnderWay as error:
            raise ConflictError(
                "another run has begun records of these at this very moment",
                hint="look again: the same command without --yes",
            ) from error

    async def _rerun(
        self, connection: Connection, choice: Choice, stale: _Stale, pins: Pins, *, reason: str, expect: Expect
    ) -> Started:
        chosen = await self._choose_locked(connection, choice, stale, expect=expect)
        for seeds in chosen.by_run.values() if not choice.leads_on else ():
            await self._replaced(connection, seeds, leads_on=False)
        generation = await reruns.next_id(connection)
        redone = superseded = 0
        for run_id in sorted(chosen.by_run):
            counts = await self._rerun_one(connection, run_id, generation, choice, chosen.by_run[run_id], pins, reason)
            redone, superseded = redone + counts[0], superseded + counts[1]
        return Started(
            rerun=generation,
            records=len(chosen.records),
            redone=redone,
            superseded=superseded,
            runs=tuple(sorted(chosen.by_run)),
        )

    async def _rerun_one(
        self,
        connection: Connection,
        run_id: int,
        generation: int,
        choice: Choice,
        seeds: Sequence[Result],
        pins: Pins,
        reason: str,
    ) -> tuple[int, int]:
        params = await reruns.params_of(connection, run_id)
        order = Order(
            run_id=run_id,
            generation=generation,
            from_step=choice.step or STALE,
            leads_on=choice.leads_on,
            reason=reason,
            nonce=os.urandom(32),
            by=self.by,
        )
        await reruns.add(connection, order)
        flow = await runs.pin_anew(connection, run_id, generation, pins(params), leads_on=choice.leads_on)
        await _same_shape(connection, flow, choice, seeds)
        return await reruns.begin(connection, order, flow, seeds)

    async def invalidate(self, choice: Choice, *, reason: str, expect: Expect = None) -> Invalidated:
        """Have results that are chosen, and what was made from them, count for nothing any more, in one transaction.

        Raises `ConflictError` where it is not what is expected.
        """
        stale = await self._stale(choice)
        async with self.database.transaction() as connection:
            chosen = await self._choose_locked(connection, choice, stale, expect=expect)
            finding = Finding(
                workflow=choice.workflow,
                step=choice.step or STALE,
                reason=reason,
                nonce=os.urandom(32),
                by=self.by,
            )
            number = await invalidations.add(connection, finding)
            done = 0
            for run_id, seeds in sorted(chosen.by_run.items()):
                ids = [stage.interaction_id for part in await self._replaced(connection, seeds) for stage in part.all]
                done += await invalidations.apply(connection, run_id, number, finding, ids)
        return Invalidated(records=len(chosen.records), interactions=done, runs=tuple(sorted(chosen.by_run)))

    async def chosen(self, connection: Connection, choice: Choice) -> list[Result]:
        """Return the results of a step that are chosen, without those of records that are at work."""
        found = await self._choose(connection, choice, None)
        return [one for run_id in sorted(found.by_run) for one in found.by_run[run_id]]

    async def _choose_locked(self, connection: Connection, choice: Choice, stale: _Stale, *, expect: Expect) -> _Chosen:
        """Choose, with the locks of the records and runs that it is about: whoever was first has been waited for.

        Records first, as an erasure locks them; what was not chosen before they were locked is left alone.
        """
        before = await self._choose(connection, choice, stale)
        await records.lock(connection, before.records)
        for run_id in sorted(before.by_run):
            await reruns.lock(connection, run_id)
        chosen = (await self._choose(connection, choice, stale)).within(before)
        there = len(chosen.records)
        if said := surprise(expect, there=there, marked=chosen.mark, said="records are chosen"):
            raise ConflictError(said, hint="look again: the same command without --yes")
        if not there:
            raise NotFoundError("no result is chosen", hint="look first: the same command without --yes")
        return chosen

    async def known(self) -> list[Known]:
        """Return all reruns, the newest first, run by run."""
        async with self.database.snapshot() as connection:
            return await reruns.known(connection)

    async def undo(self, rerun: int, *, dry: bool) -> list[tuple[Known, Undone]]:
        """Take a rerun back, run by run: what is left of it is cancelled, what it had superseded is in force again.

        With `dry` nothing changes, and what is still at work counts as left.
        """
        async with self.database.snapshot() as connection:
            found = await reruns.known(connection, rerun)
            if not found:
                newest = await reruns.known(connection)
                hint = f"the newest is {newest[0].generation}: wave rerun list" if newest else "nothing was ever redone"
                raise NotFoundError(f"there is no rerun {rerun}", hint=hint)
            scope = await undoing.scope(connection, rerun)
        if not dry:
            await self.orders.cancel_all(
                Scope(run_ids=tuple(sorted({run for run, _ in scope})), run_step_ids=tuple(step for _, step in scope))
            )
        try:
            async with self.database.transaction() as connection:
                await undoing.lock_records(connection, rerun)
                undone = [await self._undo(connection, one) for one in found]
                if dry:
                    raise _TakeBack
        except _TakeBack:
            pass
        except DataRefused as error:
            hint = "nothing has changed" if dry else "no value was put back; what was at work of it stays cancelled"
            raise ConflictError(f"rerun {rerun} was not undone: {error}", hint=hint) from error
        return list(zip(found, undone, strict=True))

    async def _undo(self, connection: Connection, one: Known) -> Undone:
        await reruns.lock(connection, one.run_id)
        pinned = await reruns.steps_of(connection, one.run_id, one.generation)
        tables = await records.look_up_tables(connection, next(iter(pinned.values())).collection)
        undone = await undoing.undo(connection, one, tables)
        if undone.records:
            await undoing.tell_undone(connection, one, undone, by=self.by)
        return undone

    async def _choose(self, connection: Connection, choice: Choice, stale: _Stale) -> _Chosen:
        of_result = [term for term in choice.terms if is_of_result(term)]
        keys = await _keys(connection, choice, [term for term in choice.terms if not is_of_result(term)])
        chosen = _Chosen(order=f"{'with what it led to' if choice.leads_on else 'alone'} {choice.pinned}")
        for step in [choice.step] if choice.step is not None else sorted({step for step, _ in stale or ()}):
            found = await reruns.results(
                connection,
                choice.workflow,
                step,
                run_id=choice.run_id,
                keys=keys,
                ids=choice.ids,
                with_output=any(term.column.startswith(OUTPUT) for term in of_result),
            )
            if stale is not None:
                found = [one for one in found if (step, one.interaction_id) in stale]
            if not choice.leads_on:
                chosen.incomplete += sum(one.state not in HAS_LED_ON for one in found)
                found = [one for one in found if one.state in HAS_LED_ON]
            await _add(connection, chosen, found, of_result)
        return chosen

    async def _stale(self, choice: Choice) -> _Stale:
        """Return what is stale, where that is what is chosen.

        It is looked for before the transaction: that takes as long as there are results, and a transaction which says
        nothing for a few seconds is ended. What has been redone or taken up since is not chosen by these numbers.
        """
        if choice.step is not None:
            return None
        found = await staleness.look(self.database, self.steps, choice.workflow, choice.now, run_id=choice.run_id)
        return {(one.current.step, one.current.interaction_id) for one in found.stale if one.current.step in choice.now}

    async def _replaced(
        self, connection: Connection, seeds: Sequence[Result], *, leads_on: bool = True
    ) -> list[Superseded]:
        found = []
        by_record = sorted(seeds, key=lambda one: one.record_id)
        for _, group in itertools.groupby(enumerate(by_record), key=lambda one: one[0] // reruns.RECORDS_AT_ONCE):
            chunk = [seed for _, seed in group]
            stages = await rejoining.stages(connection, {(seed.run_id, seed.record_id) for seed in chunk})
            ids = {seed.interaction_id for seed in chunk}
            part = rejoining.superseded(ids, stages, leads_on=leads_on)
            redone = {stage.place.step for stage in part.seeds}
            if rounds := [stage.place.step for stage in part.kept if stage.place.step in redone]:
                step = rounds[0]
                raise ConflictError(
                    f"records have been at {step} in several rounds, and each round goes on from the one before",
                    hint=f"redo them in their order: wave rerun --from {step}",
                )
            found.append(part)
        return found


def undone_document(known: Known, undone: Undone) -> dict[str, object]:
    """Return what became of one run of a rerun that was undone, as documents have it."""
    left = [{"record": key, "why": str(trouble)} for key, trouble in undone.left]
    return {"run_id": known.run_id, "records": undone.records, "values": undone.values, "left": left}


class _TakeBack(Exception):  # leaves the transaction, so that it is rolled back
    pass


async def _add(connection: Connection, chosen: _Chosen, found: Sequence[Result], of_result: Sequence[Term]) -> None:
    """Add what is as all conditions on results want it."""
    versions = await reruns.versions(connection, found) if any(term.column == "version" for term in of_result) else {}
    for one in found:
        output = orjson.loads(one.output) if one.output is not None else None
        if not meets(of_result, _facts(one, versions), output):
            continue
        if one.under_way:
            chosen.under_way.add(one.record_id)
        else:
            chosen.by_run.setdefault(one.run_id, []).append(one)


async def _keys(connection: Connection, choice: Choice, terms: Sequence[Term]) -> list[str] | None:
    """Return the keys of the records that are chosen; None where nothing narrows them down."""
    narrowed: list[set[str]] = []
    tables = await records.look_up_tables(connection, choice.collection)
    if choice.keys is not None:
        narrowed.append(set(await _canonical(connection, tables, choice.keys)))
    if terms or choice.sql:
        source = selections.Source(tables=tables, query=choice.sql or None, columns=())
        try:
            await selections.check(connection, source, terms)
            narrowed.append(set(await selections.all_keys(connection, source, terms)))
        except DataRefused as error:
            raise ProjectError(f"the database refuses what chooses the records: {error}") from error
    return sorted(set.intersection(*narrowed)) if narrowed else None


async def _canonical(connection: Connection, tables: records.Tables, keys: Sequence[str]) -> list[str]:
    try:
        return await records.canonical_keys(connection, tables, keys)
    except DataRefused as error:
        raise ProjectError(f"these keys cannot be keys of {tables.collection.table}: {error}") from error


def _facts(one: Result, versions: Mapping[int, frozenset[str]]) -> dict[str, Any]:
    return {
        "state": one.state,
        "rule": one.rule,
        "error": one.error_class,
        "attempt": one.attempt,
        "model": one.model,
        "model_digest": one.model_digest,
        "version": versions.get(one.definition_id, frozenset()),
    }


def _shares(replaced: Sequence[Stage]) -> list[Share]:
    by_step: defaultdict[str, list[Stage]] = defaultdict(list)
    for stage in replaced:
        by_step[stage.place.step].append(stage)
    return [
        Share(
            step=step,
            kind=group[0].kind,
            interactions=len(group),
            tokens=sum(stage.tokens for stage in group),
            median_s=statistics.median(stage.service_us for stage in group) / 1e6,
        )
        for step, group in sorted(by_step.items(), key=lambda one: one[1][0].run_step_id)
    ]


async def _same_shape(connection: Connection, flow: RunFlow, choice: Choice, seeds: Sequence[Result]) -> None:
    """Raise `ConflictError` where records split or go in rounds, and the ways between the steps have changed."""
    steps = flow.flow.steps
    if choice.step is not None and choice.step not in steps:
        raise NotFoundError(f"the workflow has no step {choice.step} any more", hint=did_you_mean(choice.step, steps))
    for generation in {seed.generation for seed in seeds}:
        before = {
            name: one.step for name, one in (await reruns.steps_of(connection, seeds[0].run_id, generation)).items()
        }
        if (shape(before) or shape(steps)) and shape(before) != shape(steps):
            raise ConflictError(
                f"the ways between the steps of {choice.workflow} have changed since run {seeds[0].run_id}, and its "
                "records split, meet again or go in rounds",
                hint=f"a new run goes by the new ways: wave run {choice.workflow}",
            )
