"""What follows from interactions that have ended: joins that go, steps that are skipped, records whose way is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import errors

from wave_runner.core.event import data_text
from wave_runner.core.flow import Consequences, JoinInput, Place, Settled
from wave_runner.core.interaction import State
from wave_runner.core.joining import Resolution, resolve
from wave_runner.store.database import Connection, DataRefused, Row, fetch
from wave_runner.store.run_flow import RunFlow

OUTCOMES = tuple(Settled)
STATE_OF = {Resolution.GO: State.PENDING, Resolution.SKIP: State.SKIPPED, Resolution.WAIT: State.BLOCKED}
JOIN_STATE_OF = {
    Resolution.GO: "gone",
    Resolution.SKIP: "skipped",
    Resolution.LEAVE_OUT: "left_out",
    Resolution.WAIT: "waiting",
}


@dataclass(frozen=True, kw_only=True)
class Over:
    """An interaction that has ended, and what follows."""

    run_id: int
    interaction_id: int | None  # None: a join that the record's way has passed by, which was never made
    record_id: int | None
    correlation_id: UUID
    generation: int
    rank: int
    cause: tuple[int, int]  # the event that says that it has ended, by interaction and number
    run: RunFlow
    follows: Consequences


class _Key(NamedTuple):
    run_id: int
    record_id: int
    run_step_id: int
    iteration: int
    generation: int


@dataclass(kw_only=True)
class _Join:
    """One join of one record in one round, with the inputs that a chunk settles."""

    place: Place
    more: int
    outcomes: dict[Settled, int]
    last: Over  # of those that settle it, the last: it causes what the join does
    sources: list[int]  # what has led to it


@contextmanager
def once_at_a_time() -> Iterator[None]:
    """Around statements that make interactions: one that is there already is a mistake in the workflow, not a bug."""
    try:
        yield
    except errors.UniqueViolation as error:
        raise DataRefused(
            "a step that this one leads to is there already for this record: it was reached twice"
        ) from error


async def spread(connection: Connection, over: Sequence[Over], *, wave_id: int | None, runner_id: UUID | None) -> None:
    """Apply, in the caller's transaction, what follows from these ends beyond their own children.

    A join that is skipped or passed by has ended too, so this goes on until nothing follows any more.
    """
    live: list[tuple[int, int, int]] = []
    while over:
        live += [(one.run_id, one.record_id, _delta(one)) for one in over if one.record_id is not None]
        await _add_skipped(connection, over, wave_id=wave_id, runner_id=runner_id)
        over = await _settle(connection, over, live, wave_id=wave_id, runner_id=runner_id)
    changed = [change for change in live if change[2]]
    if changed:
        run_ids, record_ids, deltas = (list(column) for column in zip(*changed, strict=True))
        given = {"run_ids": run_ids, "record_ids": record_ids, "deltas": deltas}
        await fetch(connection, "run_records/count_live", given)


async def take_back(connection: Connection, over: Sequence[Over]) -> None:
    """Undo, in the caller's transaction, what has followed from ends that are no ends any more.

    `follows` of each is what `spread` was given. What was skipped is set aside, joins that were decided against wait
    anew, and so does what followed from them. A join that has gone stays gone.
    """
    while over:
        await _set_aside(connection, [(one, place) for one in over for place in one.follows.skipped])
        joins = _by_join(over)
        if not joins:
            return
        over = await _reopen(connection, joins)


async def _reopen(connection: Connection, joins: dict[_Key, _Join]) -> list[Over]:
    """Take inputs of joins back; return the joins that had ended by them without having been done."""
    parameters = _settle_parameters(joins)
    for name in ("more", *map(str, OUTCOMES)):
        parameters[name] = [-number for number in parameters[name]]
    rows = [
        row for row in await fetch(connection, "joins/settle", parameters) if row["state"] in ("skipped", "left_out")
    ]
    if not rows:
        return []
    keys = [_key(row) for row in rows]
    await fetch(
        connection,
        "joins/reopen",
        {f"{name}s": [getattr(key, name) for key in keys] for name in _Key._fields},
    )
    ended = [_taken_back(joins[key], row) for key, row in zip(keys, rows, strict=True)]
    was_there = [
        (one, joins[key].place) for one, key, row in zip(ended, keys, rows, strict=True) if row["interaction_id"]
    ]
    await _set_aside(connection, was_there)
    return ended


def _taken_back(join: _Join, row: Row) -> Over:
    """Return a join that had ended, with what had followed from that."""
    outcome = Settled.SKIPPED if row["state"] == "skipped" else Settled.NOT_TAKEN
    return replace(join.last, interaction_id=None, follows=join.last.run.flow.follow(join.place, outcome))


async def _set_aside(connection: Connection, places: Sequence[tuple[Over, Place]]) -> None:
    if places:
        given = {
            "run_ids": [one.run_id for one, _ in places],
            "record_ids": [one.record_id for one, _ in places],
            "run_step_ids": [one.run.steps[place.step].run_step_id for one, place in places],
            "items": [place.item for _, place in places],
            "iterations": [place.iteration for _, place in places],
        }
        await fetch(connection, "interactions/set_aside", given)


def _delta(over: Over) -> int:
    """Return by how much the tokens of a record change: it has ended, and its children are there."""
    return len(over.follows.children) - (over.interaction_id is not None)


async def _add_skipped(
    connection: Connection, over: Sequence[Over], *, wave_id: int | None, runner_id: UUID | None
) -> None:
    pairs = [(one, place) for one in over for place in one.follows.skipped]
    if not pairs:
        return
    steps = [one.run.steps[place.step] for one, place in pairs]
    await fetch(
        connection,
        "interactions/add_skipped",
        {
            "wave_id": wave_id,
            "runner_id": runner_id,
            "run_ids": [one.run_id for one, _ in pairs],
            "run_step_ids": [step.run_step_id for step in steps],
            "queue_ids": [step.queue_id for step in steps],
            "record_ids": [one.record_id for one, _ in pairs],
            "correlation_ids": [one.correlation_id for one, _ in pairs],
            "items": [place.item for _, place in pairs],
            "iterations": [place.iteration for _, place in pairs],
            "generations": [one.generation for one, _ in pairs],
            "parent_ids": [one.cause[0] for one, _ in pairs],
            "parent_seqs": [one.cause[1] for one, _ in pairs],
            "ranks": [one.rank for one, _ in pairs],
            "data": data_text({"why": "a step before it did not complete"}),
        },
    )


async def _settle(
    connection: Connection,
    over: Sequence[Over],
    live: list[tuple[int, int, int]],
    *,
    wave_id: int | None,
    runner_id: UUID | None,
) -> list[Over]:
    """Settle inputs of joins; return the joins that have ended by it, without having been done."""
    joins = _by_join(over)
    if not joins:
        return []
    rows = await fetch(connection, "joins/settle", _settle_parameters(joins))
    decided = [(joins[key], row, _resolve(joins[key], row)) for row in rows if (key := _key(row)) in joins]
    changing = [one for one in decided if _changes(*one)]
    if changing:
        made = await fetch(connection, "joins/resolve", _resolve_parameters(changing, wave_id, runner_id))
    else:
        made = []
    ids = {_key(row): row for row in made}
    await _add_sources(connection, decided, ids)
    live += [
        (row["run_id"], row["record_id"], 1)
        for join, row, resolution in changing
        if row["interaction_id"] is None and resolution in (Resolution.GO, Resolution.WAIT)
    ]
    return [
        _ended(join, row, resolution, ids.get(_key(row)))
        for join, row, resolution in changing
        if resolution in (Resolution.SKIP, Resolution.LEAVE_OUT)
    ]


def _by_join(over: Sequence[Over]) -> dict[_Key, _Join]:
    """Add up the inputs of each join."""
    joins: dict[_Key, _Join] = {}
    for one, given in _inputs(over):
        assert one.record_id is not None, "only records are at several steps at once"
        step = one.run.steps[given.join.step]
        key = _Key(one.run_id, one.record_id, step.run_step_id, given.join.iteration, one.generation)
        join = joins.setdefault(key, _Join(place=given.join, more=0, outcomes=defaultdict(int), last=one, sources=[]))
        join.more += given.more
        join.last = one
        if given.outcome is not None:
            join.outcomes[given.outcome] += 1
        if given.outcome is Settled.ARRIVED:
            join.sources.append(one.cause[0])
    return joins


def _inputs(over: Sequence[Over]) -> Iterator[tuple[Over, JoinInput]]:
    return ((one, given) for one in over for given in one.follows.inputs)


def _settle_parameters(joins: Mapping[_Key, _Join]) -> dict[str, Any]:
    return {
        "run_ids": [key.run_id for key in joins],
        "record_ids": [key.record_id for key in joins],
        "run_step_ids": [key.run_step_id for key in joins],
        "iterations": [key.iteration for key in joins],
        "generations": [key.generation for key in joins],
        "more": [join.more for join in joins.values()],
        **{str(outcome): [join.outcomes[outcome] for join in joins.values()] for outcome in OUTCOMES},
    }


def _key(row: Row) -> _Key:
    return _Key(row["run_id"], row["record_id"], row["run_step_id"], row["iteration"], row["generation"])


def _resolve(join: _Join, row: Row) -> Resolution:
    step = join.last.run.step_at(join.place)
    settled = {outcome: row[outcome] for outcome in OUTCOMES}
    return resolve(step.join, len(step.after) + row["more"], settled)


def _changes(join: _Join, row: Row, resolution: Resolution) -> bool:
    """Say whether the join does something now: what it has decided once it does not decide again."""
    if row["state"] != "waiting":
        return False
    if resolution is Resolution.WAIT:  # the first that arrives makes it, blocked
        return row["interaction_id"] is None and bool(join.sources)
    return True


def _resolve_parameters(
    changing: Sequence[tuple[_Join, Row, Resolution]], wave_id: int | None, runner_id: UUID | None
) -> dict[str, Any]:
    lasts = [join.last for join, _, _ in changing]
    steps = [join.last.run.steps[join.place.step] for join, _, _ in changing]
    return {
        "wave_id": wave_id,
        "runner_id": runner_id,
        **{
            f"{name}s": [row[name] for _, row, _ in changing]
            for name in ("run_id", "record_id", "run_step_id", "iteration", "generation", "interaction_id")
        },
        "join_states": [JOIN_STATE_OF[resolution] for _, _, resolution in changing],
        "states": [STATE_OF.get(resolution) for _, _, resolution in changing],
        "queue_ids": [step.queue_id for step in steps],
        "correlation_ids": [last.correlation_id for last in lasts],
        "parent_ids": [last.cause[0] for last in lasts],
        "parent_seqs": [last.cause[1] for last in lasts],
        "ranks": [last.rank for last in lasts],
        "data": [data_text(_data(join, row)) for join, row, _ in changing],
        "steps": [step.step for step in steps],
        "actors": [step.actor for step in steps],
        "definitions": [step.sha256 for step in steps],
    }


def _data(join: _Join, row: Row) -> dict[str, Any]:
    """Return what the event of a join says: its rule, and how its inputs have settled."""
    step = join.last.run.step_at(join.place)
    return {"join": str(step.join), **{str(outcome): row[outcome] for outcome in OUTCOMES}}


async def _add_sources(
    connection: Connection, decided: Sequence[tuple[_Join, Row, Resolution]], made: Mapping[_Key, Row]
) -> None:
    """Record where a join comes from: what its steps read is found along these lines."""
    found = [
        (row["run_id"], interaction_id, source)
        for join, row, _ in decided
        if row["state"] == "waiting"
        for interaction_id in [
            row["interaction_id"] or (made[_key(row)]["interaction_id"] if _key(row) in made else None)
        ]
        if interaction_id is not None
        for source in join.sources
    ]
    if found:
        run_ids, ids, source_ids = (list(column) for column in zip(*found, strict=True))
        await fetch(connection, "interactions/add_inputs", {"run_ids": run_ids, "ids": ids, "source_ids": source_ids})


def _ended(join: _Join, row: Row, resolution: Resolution, made: Row | None) -> Over:
    """Return a join that will not be done, with what follows from that."""
    last = join.last
    outcome = Settled.SKIPPED if resolution is Resolution.SKIP else Settled.NOT_TAKEN
    was_blocked = row["interaction_id"] is not None
    return Over(
        run_id=last.run_id,
        # One that is made skipped was never a token of its record.
        interaction_id=row["interaction_id"] if was_blocked else None,
        record_id=last.record_id,
        correlation_id=last.correlation_id,
        generation=last.generation,
        rank=last.rank,
        cause=(made["interaction_id"], made["seq"]) if made else last.cause,
        run=last.run,
        follows=last.run.flow.follow(join.place, outcome),
    )
