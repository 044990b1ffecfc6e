"""What records have been through, what of it a rerun replaces, and how the joins behind that wait anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from wave_runner.core import graph
from wave_runner.core.cascade import End, Line, below, settled
from wave_runner.core.flow import Consequences, JoinInput, Place, Settled
from wave_runner.core.interaction import State
from wave_runner.store import joins
from wave_runner.store.database import Connection, fetch
from wave_runner.store.joins import Over
from wave_runner.store.run_flow import RunFlow


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One interaction that a record has been through; `sources` are the ids of those that led to it, parents first.

    `leads_on` is False for what a rerun has made that redid one step only: the record went on from what that redoes.
    """

    run_id: int
    interaction_id: int
    parent_id: int | None
    record_id: int
    run_step_id: int
    place: Place
    kind: str
    state: State
    in_force: bool
    leads_on: bool
    correlation_id: UUID
    rank: int
    seq: int
    tokens: int
    service_us: int
    sources: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Superseded:
    """What one rerun of a run replaces: the first results that are redone, and all that they have led to.

    `kept` is what stands behind them and stays, where one step only is redone.
    """

    seeds: tuple[Stage, ...]
    others: tuple[Stage, ...]
    kept: tuple[Stage, ...] = ()

    @property
    def all(self) -> tuple[Stage, ...]:
        return self.seeds + self.others


async def stages(connection: Connection, pairs: Collection[tuple[int, int]]) -> list[Stage]:
    """Return all that records have been through in runs, given as (run, record)."""
    given = {"run_ids": [run_id for run_id, _ in pairs], "record_ids": [record_id for _, record_id in pairs]}
    rows = await fetch(connection, "reruns/flows", given)
    ids = {"run_ids": sorted({run_id for run_id, _ in pairs}), "ids": [row["interaction_id"] for row in rows]}
    inputs: defaultdict[int, list[int]] = defaultdict(list)
    for row in await fetch(connection, "reruns/inputs", ids):
        inputs[row["interaction_id"]].append(row["source_id"])
    return [_stage(row, inputs[row["interaction_id"]]) for row in rows]


def _stage(row: Mapping[str, Any], inputs: Sequence[int]) -> Stage:
    parent = [row["parent_id"]] if row["parent_id"] is not None else []
    shared = {name: row[name] for name in ("run_id", "interaction_id", "parent_id", "record_id", "run_step_id", "kind")}
    counted = {name: row[name] for name in ("in_force", "leads_on", "correlation_id", "rank", "seq", "tokens")}
    return Stage(
        place=Place(step=row["step"], iteration=row["iteration"], item=row["item"]),
        state=State(row["state"]),
        service_us=row["service_us"],
        sources=(*parent, *inputs),
        **shared,
        **counted,
    )


def lines(all_stages: Sequence[Stage]) -> list[Line]:
    """Return what has led to what of records' stages. A child is never where its parent is, unless it redoes that."""
    places = {stage.interaction_id: stage.place for stage in all_stages}
    return [
        Line(
            stage.interaction_id,
            stage.sources,
            redoes=stage.parent_id if places.get(stage.parent_id or 0) == stage.place else None,
        )
        for stage in all_stages
    ]


def superseded(seeds: Collection[int], all_stages: Sequence[Stage], *, leads_on: bool = True) -> Superseded:
    """Return what a rerun of these results replaces. One that another one of them has led to is no seed of its own.

    With `leads_on` False nothing but these is replaced.
    """
    led_to = below(seeds, lines(all_stages))
    in_force = [stage for stage in all_stages if stage.in_force]
    first = set(seeds) - led_to
    behind = tuple(stage for stage in in_force if stage.interaction_id in led_to)
    return Superseded(
        seeds=tuple(stage for stage in in_force if stage.interaction_id in first),
        others=behind if leads_on else (),
        kept=() if leads_on else behind,
    )


async def rejoin(
    connection: Connection,
    run_id: int,
    generation: int,
    flow: RunFlow,
    replaced: Superseded,
    all_stages: Sequence[Stage],
) -> None:
    """Have the joins behind the seeds wait anew, with what still stands of their inputs settled already."""
    first = {stage.place.step for stage in replaced.seeds}
    behind = set().union(*(graph.reachable(flow.flow.steps, name) for name in first))
    if not any(join.name in behind for join in flow.flow.joins):
        return
    records = sorted({stage.record_id for stage in replaced.seeds})
    there = await fetch(connection, "reruns/joins", {"run_id": run_id, "record_ids": records})
    gone = {stage.interaction_id for stage in replaced.all}
    behind_it = [row for row in there if row["step"] in behind]
    kept = [row for row in behind_it if row["interaction_id"] not in gone and row["state"] in ("gone", "skipped")]
    await _keep(connection, run_id, generation, flow, kept)
    seeded = {(stage.record_id, stage.place.step, stage.place.iteration) for stage in replaced.seeds}
    anew = {(row["record_id"], row["step"], row["iteration"]) for row in behind_it if row not in kept} - seeded
    standing = [stage for stage in all_stages if stage.in_force and stage.interaction_id not in gone]
    passed = [row for row in there if row["step"] not in behind and row["state"] == "left_out"]
    over = await _settled_already(connection, run_id, generation, flow, all_stages, standing, passed, anew)
    await joins.spread(connection, over, wave_id=None, runner_id=None)


async def _keep(
    connection: Connection, run_id: int, generation: int, flow: RunFlow, rows: Sequence[Mapping[str, Any]]
) -> None:
    if rows:
        given = {f"{name}s": [row[name] for row in rows] for name in ("record_id", "run_step_id", "iteration")}
        anew = [flow.steps[row["step"]].run_step_id for row in rows]
        generations = [row["generation"] for row in rows]
        where = {"run_id": run_id, "generation": generation, "generations": generations, "new_run_step_ids": anew}
        await fetch(connection, "reruns/keep_joins", {**given, **where})


async def _settled_already(
    connection: Connection,
    run_id: int,
    generation: int,
    flow: RunFlow,
    all_stages: Sequence[Stage],
    standing: Sequence[Stage],
    passed: Sequence[Mapping[str, Any]],
    anew: set[tuple[int, str, int]],
) -> list[Over]:
    """Return the ends that still stand, with what they have settled of the joins that wait anew, and nothing else."""
    went = _went(all_stages, standing)
    asked = {"run_id": run_id, "ids": [stage.interaction_id for stage in went]}
    said = {row["interaction_id"]: orjson.loads(row["data"]) for row in await fetch(connection, "reruns/ends", asked)}
    over = []
    for stage in went:
        if stage.state not in (State.COMPLETED, State.FAILED, State.QUARANTINED, State.SKIPPED, State.CANCELLED):
            continue
        data = said.get(stage.interaction_id, {})
        end = End(stage.place, stage.state, tuple(data.get("to", ())), (data.get("values") or {}).get("items"))
        over.append(_over(stage, generation, flow, settled(flow.flow, end), anew))
    of_record = {stage.record_id: stage for stage in standing}
    for row in passed:
        place = Place(step=row["step"], iteration=row["iteration"])
        inputs = flow.flow.follow(place, Settled.NOT_TAKEN).inputs
        over.append(_over(of_record[row["record_id"]], generation, flow, inputs, anew))
    return [one for one in over if one.follows.inputs]


def _went(all_stages: Sequence[Stage], standing: Sequence[Stage]) -> list[Stage]:
    """Return the stages whose ends say how records went on: the old result's where one step only was redone."""
    by_id = {stage.interaction_id: stage for stage in all_stages}
    found = []
    for stage in standing:
        while not stage.leads_on and stage.parent_id is not None:
            stage = by_id[stage.parent_id]
        found.append(stage)
    return found


def _over(
    stage: Stage, generation: int, flow: RunFlow, inputs: Sequence[JoinInput], anew: set[tuple[int, str, int]]
) -> Over:
    wanted = tuple(one for one in inputs if (stage.record_id, one.join.step, one.join.iteration) in anew)
    return Over(
        run_id=stage.run_id,
        interaction_id=None,  # it had ended long before: no token of its record ends now
        record_id=stage.record_id,
        correlation_id=stage.correlation_id,
        generation=generation,
        rank=stage.rank,
        cause=(stage.interaction_id, stage.seq),
        run=flow,
        follows=Consequences(inputs=wanted),
    )
