"""Reruns: results of a step are taken out of force with all that they have led to, and done once more.

A rerun is one transaction: nobody ever sees half of one. Nothing is deleted; what it supersedes keeps its outputs, and
what stood in a table before is kept with each write, so that it can be undone.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import errors

from wave_runner.core.event import EventType, commitment, data_text
from wave_runner.core.pinned import PinnedStep, read_step
from wave_runner.store import events
from wave_runner.store.database import Connection, fetch
from wave_runner.store.rejoining import Stage, rejoin, stages, superseded
from wave_runner.store.run_flow import RunFlow
from wave_runner.store.waves import Item

RECORDS_AT_ONCE = 5000


class UnderWay(Exception):
    """A record has come to be at work in another run meanwhile. Nothing of the transaction stands."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A result of a step that is redone. `under_way`: its record is at work. `output` is JSON text, if asked for."""

    run_id: int
    interaction_id: int
    record_id: int
    key: str
    state: str
    error_class: str | None
    rule: str | None
    attempt: int
    model: str | None
    model_digest: str | None
    definition_id: int
    generation: int
    output: str | None
    under_way: bool


@dataclass(frozen=True, kw_only=True)
class Current:
    """A result in force, with what its step was given as JSON text, and the weights that made it: None but for models.

    `newest_digest` are the weights that the model of that name had last.
    """

    run_id: int
    interaction_id: int
    run_step_id: int
    record_id: int
    key: str
    correlation_id: UUID
    parent_id: int | None
    item: int
    iteration: int
    generation: int
    step: str
    input: str | None
    digest: str | None
    newest_digest: str | None
    under_way: bool

    def as_item(self) -> Item:
        """Return it as a wave would hold it that does it for the first time."""
        shared = {name: getattr(self, name) for name in Item._fields if hasattr(self, name)}
        return Item(attempt=0, **shared)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A rerun of one run that somebody has asked for. One rerun, of one number, may be of several runs.

    With `leads_on` False only the step `from_step` is redone.
    """

    run_id: int
    generation: int
    from_step: str
    leads_on: bool
    reason: str
    nonce: bytes  # of the commitment to the reason
    by: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """A rerun as far as one run is concerned. `unfinished` is how much of it still waits or works.

    `left_alone` is how many records stand by it though it was undone; None where it was not.
    """

    run_id: int
    generation: int
    from_step: str
    leads_on: bool
    reason: str
    ordered_by: str
    pinned_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    workflow: str
    workflow_id: int
    records: int
    unfinished: int
    left_alone: int | None


async def results(
    connection: Connection,
    workflow: str,
    step: str,
    *,
    run_id: int | None = None,
    keys: Sequence[str] | None = None,
    ids: Collection[int] | None = None,
    with_output: bool = False,
) -> list[Result]:
    """Return the newest results of a step, of all runs of the workflow or of one; cancelled runs have none.

    With `ids` these alone: they go with one run.
    """
    narrowed = {"keys": None if keys is None else list(keys), "ids": None if ids is None else list(ids)}
    given = {"workflow": workflow, "step": step, "run_id": run_id, **narrowed, "with_output": with_output}
    rows = await fetch(connection, "reruns/results", given)
    return [Result(**row) for row in rows]


async def current(connection: Connection, workflow: str, *, run_id: int | None, after: int, size: int) -> list[Current]:
    """Return the results in force of the next `size` records of a workflow, behind the record `after`."""
    given = {"workflow": workflow, "run_id": run_id, "after": after, "size": size}
    return [Current(**row) for row in await fetch(connection, "reruns/current", given)]


async def versions(connection: Connection, of: Sequence[Result]) -> dict[int, frozenset[str]]:
    """Return, for each pinned definition of these results, its hash and the hashes of all that it uses."""
    rows = await fetch(connection, "reruns/pinned", {"ids": sorted({one.definition_id for one in of})})
    return {
        row["definition_id"]: frozenset({bytes(row["sha256"]).hex(), *_hashes(orjson.loads(row["body"]))})
        for row in rows
    }


def _hashes(pinned: Mapping[str, Any]) -> list[str]:
    return [value for name, value in pinned.items() if name.endswith("_sha256") and isinstance(value, str) and value]


async def money(connection: Connection, of: Sequence[Stage]) -> int | None:
    """Return what interactions have cost, in billionths; None where a part of that is unknown."""
    by_run: defaultdict[int, list[int]] = defaultdict(list)
    for stage in of:
        by_run[stage.run_id].append(stage.interaction_id)
    found = [
        row["money"]
        for run_id, ids in by_run.items()
        for row in await fetch(connection, "provenance/costs", {"run_id": run_id, "ids": ids})
    ]
    return None if None in found else sum(int(one) for one in found)


async def columns(connection: Connection, of: Sequence[Stage]) -> tuple[str, ...]:
    """Return what interactions have written, as table.column."""
    given = {"run_ids": sorted({stage.run_id for stage in of}), "ids": [stage.interaction_id for stage in of]}
    rows = await fetch(connection, "reruns/columns", given)
    return tuple(f"{row['table_name']}.{row['column_name']}" for row in rows)


async def steps_of(connection: Connection, run_id: int, generation: int) -> dict[str, PinnedStep]:
    """Return the steps that a run, or a rerun of it, has pinned."""
    rows = await fetch(connection, "reruns/steps", {"run_id": run_id, "generation": generation})
    return {row["step"]: read_step(bytes(row["body"])) for row in rows}


async def params_of(connection: Connection, run_id: int) -> dict[str, Any]:
    """Return a run's parameters."""
    rows = await fetch(connection, "reruns/params", {"run_id": run_id})
    found: dict[str, Any] = orjson.loads(rows[0]["params"])
    return found


async def lock(connection: Connection, run_id: int) -> None:
    """Keep a run from ending, and from being repaired by somebody else, until the transaction ends."""
    await fetch(connection, "runs/lock", {"run_id": run_id})


async def next_id(connection: Connection) -> int:
    """Return the number of a new rerun."""
    return int((await fetch(connection, "reruns/next_id"))[0]["generation"])


async def add(connection: Connection, order: Order) -> None:
    """Note a rerun of a run, before its steps are pinned."""
    await fetch(connection, "reruns/add", asdict(order))


async def begin(connection: Connection, order: Order, flow: RunFlow, seeds: Sequence[Result]) -> tuple[int, int]:
    """Supersede and redo in one run, in the caller's transaction, which holds its lock.

    Returns how many results are redone, and how many interactions are superseded in all. Raises `UnderWay`.
    """
    redone = replaced_n = 0
    by_record = sorted(seeds, key=lambda one: one.record_id)
    for _, group in itertools.groupby(enumerate(by_record), key=lambda one: one[0] // RECORDS_AT_ONCE):
        chunk = [seed for _, seed in group]
        all_stages = await stages(connection, {(seed.run_id, seed.record_id) for seed in chunk})
        replaced = superseded({seed.interaction_id for seed in chunk}, all_stages, leads_on=order.leads_on)
        await _supersede(connection, order, [stage.interaction_id for stage in replaced.all])
        await _seed(connection, order, flow, replaced.seeds)
        if order.leads_on:
            await rejoin(connection, order.run_id, order.generation, flow, replaced, all_stages)
        redone += len(replaced.seeds)
        replaced_n += len(replaced.all)
    await fetch(connection, "runs/reopen", {"run_id": order.run_id})
    data = {
        "rerun": order.generation,
        "from": order.from_step,
        "by": order.by,
        "reason": commitment(order.nonce, order.reason.encode()),
        "records": len({seed.record_id for seed in seeds}),
        "redone": redone,
        "superseded": replaced_n,
    }
    if not order.leads_on:
        data["only"] = True
    await events.append(connection, EventType.RERUN_STARTED, data, run_id=order.run_id)
    return redone, replaced_n


async def known(connection: Connection, generation: int | None = None) -> list[Known]:
    """Return reruns, the newest first, run by run; of one only, if it is named."""
    return [Known(**row) for row in await fetch(connection, "reruns/known", {"generation": generation})]


async def _supersede(connection: Connection, order: Order, ids: Sequence[int]) -> None:
    data = data_text({"rerun": order.generation})
    given = {"run_id": order.run_id, "generation": order.generation, "ids": list(ids), "data": data}
    await fetch(connection, "reruns/supersede", given)


async def _seed(connection: Connection, order: Order, flow: RunFlow, seeds: Sequence[Stage]) -> None:
    records = sorted(stage.record_id for stage in seeds)
    run_ids = [order.run_id] * len(records)
    try:
        await fetch(connection, "run_records/reopen", {"run_ids": run_ids, "record_ids": records})
    except errors.UniqueViolation as error:
        raise UnderWay from error
    await fetch(connection, "reruns/begin_anew", {"run_id": order.run_id, "record_ids": records})
    place = {"run_id": order.run_id, "generation": order.generation}
    for name in sorted({stage.place.step for stage in seeds}):
        ids = [stage.interaction_id for stage in seeds if stage.place.step == name]
        step = {"run_step_id": flow.steps[name].run_step_id, "queue_id": flow.steps[name].queue_id}
        await fetch(connection, "reruns/seed", {**place, **step, "ids": ids})
