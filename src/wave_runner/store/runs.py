"""Runs: start one with everything it uses pinned, fan it out, and say how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType
from wave_runner.core.experiment import RunKind
from wave_runner.core.filters import Term, plain
from wave_runner.core.flow import Flow
from wave_runner.core.patience import Patience
from wave_runner.core.pinned import read_step
from wave_runner.core.workflow import Definition
from wave_runner.store import definitions, events, interactions, run_counts
from wave_runner.store.database import Connection, Database, Row, fetch
from wave_runner.store.run_flow import RunFlow, RunStep

DUE_CHUNK, CHUNKS_AT_ONCE = 1000, 20

__all__ = [
    "Ahead",
    "NewRun",
    "NewStep",
    "RunStep",
    "ahead",
    "create",
    "fan_out_chunk",
    "fold_counts",
    "has_open_fan_out",
    "newest_unfinished",
    "pin_anew",
    "release_delayed",
    "state",
    "steps",
]

FAN_OUT_CHUNK = 1000
SETTLE_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class NewStep:
    """A step to pin: its resolved definition, who does it, and the queue its work waits in."""

    name: str
    actor: str
    definition: Definition
    work_key: str
    template: str
    lane: str
    needs: Sequence[str] = ()  # labels that a runner must have
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run to start. The first step is the root, unless staged rows of another run are taken up: then `root` is."""

    workflow: str
    definition: Definition
    steps: Sequence[NewStep]
    params: Mapping[str, Any]
    limit: int | None
    priority: int
    started_by: str
    canary: int | None = None  # so many records go first
    timeout_s: float | None = None  # what is left of it then is cancelled
    selects: bool = False  # its records come from the workflow's `select`, and not from its first step
    terms: Sequence[Term] = ()  # what `--where` says, of a run that selects
    targets: run_counts.Targets = field(default_factory=dict)  # what is counted before and after
    overruled: Sequence[str] = ()  # codes of what `wave check` objects to
    currency: str = ""  # of the prices that its steps pin
    asks_anew: bool = False  # its models are asked, whatever answers are recorded
    takes_again: bool = False  # what is incomplete is selected, though nothing has changed
    root: str = ""  # the step that decides about these rows
    revalidates: int | None = None  # the run that has staged them
    kind: RunKind = RunKind.RUN  # of anything else nothing is begun here: store/experiments.py


async def create(connection: Connection, run: NewRun, *, runner_id: UUID | None = None) -> int:
    """Start a run in the caller's transaction: definitions pinned, root step pending. Returns its id."""
    ids = await definitions.put(connection, [run.definition, *(step.definition for step in run.steps)])
    workflow_id, step_ids = await _put_workflow(connection, run, ids)
    row = await _insert_run(connection, run, workflow_id, ids[_key(run.definition)])
    pinned = await _pin(connection, row["run_id"], 0, run.steps, step_ids, ids)
    root, queue_id = pinned[run.root or run.steps[0].name]
    await _begin(connection, run, row, root=root, queue_id=queue_id, runner_id=runner_id)
    await run_counts.begin(connection, row["run_id"], run.targets)
    return int(row["run_id"])


async def pin_anew(
    connection: Connection, run_id: int, generation: int, run: NewRun, *, leads_on: bool = True
) -> RunFlow:
    """Pin everything once more for a rerun of a run. Returns its flow, as the steps are now."""
    ids = await definitions.put(connection, [run.definition, *(step.definition for step in run.steps)])
    _, step_ids = await _put_workflow(connection, run, ids)
    pinned = await _pin(connection, run_id, generation, run.steps, step_ids, ids)
    steps = {
        step.name: RunStep(
            run_step_id=run_step_id,
            run_id=run_id,
            generation=generation,
            queue_id=queue_id,
            step=step.name,
            actor=step.actor,
            definition=step.definition.body,
            sha256=step.definition.sha256,
            params=dumps(dict(run.params)).decode(),
            limit=run.limit,
            asks_anew=True,
            leads_on=leads_on,
        )
        for step in run.steps
        for run_step_id, queue_id in [pinned[step.name]]
    }
    flow = Flow({step.name: read_step(step.definition.body).step for step in run.steps}, leads_on=leads_on)
    return RunFlow(flow=flow, steps=steps)


async def steps(connection: Connection, run_step_ids: Sequence[int]) -> list[RunStep]:
    """Return every step of the runs that these steps belong to."""
    rows = await fetch(connection, "runs/steps", {"run_step_ids": list(run_step_ids)})
    return [
        RunStep(
            run_step_id=row["run_step_id"],
            run_id=row["run_id"],
            generation=row["generation"],
            queue_id=row["queue_id"],
            step=row["step"],
            actor=row["actor"],
            definition=bytes(row["definition"]),
            sha256=bytes(row["sha256"]),
            params=row["params"],
            limit=row["record_limit"],
            asks_anew=row["asks_anew"],
            leads_on=row["leads_on"],
            kind=RunKind(row["kind"]),
        )
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Where the records of a running run are: at the steps `live`. `keys` has the work key of each step of one server.

    Runs of one `definition_id` have the same workflow, an experiment has a number of its own; `run_step_id` is one of
    this run's steps.
    """

    definition_id: int
    run_step_id: int
    live: frozenset[str]
    keys: Mapping[str, str]


async def ahead(database: Database, server: str) -> list[Ahead]:
    """Return where the records are of each running run that has steps for a server."""
    return [
        Ahead(
            definition_id=row["definition_id"],
            run_step_id=row["run_step_id"],
            live=frozenset(row["live"]),
            keys=dict(zip(row["steps"], row["work_keys"], strict=True)),
        )
        for row in await database.fetch("runs/ahead", {"server": server})
    ]


async def state(database: Database, run_id: int) -> Row | None:
    """Return a run's row: workflow, state, parameters, times; None if there is no such run."""
    rows = await database.fetch("runs/state", {"run_id": run_id})
    return rows[0] if rows else None


async def newest_unfinished(database: Database, workflow: str) -> int | None:
    """Return the newest run of a workflow that has not ended."""
    rows = await database.fetch("runs/newest_unfinished", {"workflow": workflow})
    return int(rows[0]["run_id"]) if rows else None


async def has_open_fan_out(database: Database) -> bool:
    """Say whether there is anything to fan out or to select."""
    return bool((await database.fetch("fan_outs/has_open"))[0]["has_open"])


async def fan_out_chunk(database: Database, *, runner_id: UUID) -> bool:
    """Turn the next chunk of an open `each` into interactions, with its event. False if none is open."""
    async with database.transaction() as connection:
        locked = await fetch(connection, "fan_outs/lock")
        if not locked:
            return False
        [open_one] = await fetch(connection, "fan_outs/open", locked[0])
        size = FAN_OUT_CHUNK if open_one["left"] is None else min(FAN_OUT_CHUNK, open_one["left"])
        made = (
            await fetch(connection, "fan_outs/chunk", {**open_one, "size": size, "parent_seq": open_one["seq"] + 1})
        )[0]
        if made["seen"]:
            data = {
                "created": made["created"],
                "skipped": made["seen"] - made["created"],
            }
            if made["expected"] is not None:
                data["expected"] = made["expected"]  # of the whole fan-out, in its first chunk: they must add up to it
            await interactions.note(
                connection,
                run_id=open_one["run_id"],
                interaction_id=open_one["interaction_id"],
                type=EventType.INTERACTION_FANNED_OUT,
                data=data,
                runner_id=runner_id,
                wave_id=None,
            )
        await fetch(
            connection,
            "fan_outs/advance",
            {
                "run_id": open_one["run_id"],
                "interaction_id": open_one["interaction_id"],
                "after_staged": made["last_staged"] or open_one["after_staged"],
                "created": made["created"],
                "closed": made["seen"] < size,
            },
        )
        return True


async def fold_counts(database: Database) -> None:
    """Fold count deltas into the counts. By itself: whoever else folds waits for the rows of `counts` meanwhile."""
    await database.fetch("counts/fold")


async def release_delayed(database: Database) -> None:
    """Make work claimable whose time has come: all of it, unless it is so much that others are kept waiting."""
    for _ in range(CHUNKS_AT_ONCE):
        [released] = await database.fetch("interactions/release_delayed", {"size": DUE_CHUNK})
        if released["n"] < DUE_CHUNK:
            return


async def _put_workflow(
    connection: Connection, run: NewRun, ids: Mapping[tuple[str, str, bytes], int]
) -> tuple[int, dict[str, int]]:
    parameters = {"name": run.workflow, "definition_id": ids[_key(run.definition)]}
    workflow_id = (await fetch(connection, "runs/put_workflow", parameters))[0]["workflow_id"]
    names = [step.name for step in run.steps]
    rows = await fetch(connection, "runs/put_steps", {"workflow_id": workflow_id, "names": names})
    return workflow_id, {row["name"]: row["step_id"] for row in rows}


async def _insert_run(connection: Connection, run: NewRun, workflow_id: int, definition_id: int) -> Row:
    parameters = {
        "workflow_id": workflow_id,
        "definition_id": definition_id,
        "params": dumps(dict(run.params)).decode(),
        "record_limit": run.limit,
        "canary": run.canary,
        "selection": dumps(plain(run.terms)).decode() if run.terms else None,
        "priority": run.priority,
        "started_by": run.started_by,
        "asks_anew": run.asks_anew,
        "takes_again": run.takes_again,
        "kind": run.kind,
        "timeout_s": run.timeout_s,
        "currency": run.currency or None,
        "revalidates": run.revalidates,
    }
    return (await fetch(connection, "runs/create", parameters))[0]


async def _pin(
    connection: Connection,
    run_id: int,
    generation: int,
    steps: Sequence[NewStep],
    step_ids: Mapping[str, int],
    ids: Mapping[tuple[str, str, bytes], int],
) -> dict[str, tuple[int, int]]:
    """Pin the steps of one generation of a run. Returns the `run_step_id` of each by name, with its queue."""
    actors = await definitions.actors(connection)
    queues = [await _put_queue(connection, step, actors[step.actor].actor_id) for step in steps]
    rows = await fetch(
        connection,
        "runs/add_steps",
        {
            "run_id": run_id,
            "generation": generation,
            "step_ids": [step_ids[step.name] for step in steps],
            "positions": list(range(1, len(steps) + 1)),
            "actor_ids": [actors[step.actor].actor_id for step in steps],
            "definition_ids": [ids[_key(step.definition)] for step in steps],
            "queue_ids": queues,
            "queue_s": [step.patience.queue_s for step in steps],
            "step_s": [step.patience.step_s for step in steps],
        },
    )
    run_step_ids = {row["step_id"]: row["run_step_id"] for row in rows}
    return {
        step.name: (run_step_ids[step_ids[step.name]], queue_id) for step, queue_id in zip(steps, queues, strict=True)
    }


async def _put_queue(connection: Connection, step: NewStep, actor_id: int) -> int:
    parameters = {
        "work_key": step.work_key,
        "template": step.template,
        "lane": step.lane,
        "actor_id": actor_id,
        "needs": list(step.needs),
    }
    return int((await fetch(connection, "queues/put", parameters))[0]["queue_id"])


async def _begin(
    connection: Connection, run: NewRun, row: Row, *, root: int, queue_id: int, runner_id: UUID | None
) -> None:
    data: dict[str, Any] = {
        "workflow": run.definition.sha256.hex(),
        "steps": len(run.steps),
        "limited": run.limit is not None,
        "filtered": bool(run.terms),
    }
    if run.asks_anew:
        data["asks_anew"] = True
    if run.takes_again:
        data["takes_again"] = True
    if run.canary:
        data["canary"] = run.canary
    if run.revalidates is not None:
        data["revalidates"] = run.revalidates
    if run.kind is not RunKind.RUN:
        data["kind"] = str(run.kind)
    if run.overruled:
        data["overruled"] = list(run.overruled)
    await events.append(
        connection,
        EventType.RUN_STARTED,
        data,
        run_id=row["run_id"],
        correlation_id=row["correlation_id"],
        runner_id=runner_id,
        definition=run.definition.sha256,
    )
    if run.kind is not RunKind.RUN:
        return
    if run.selects:
        await fetch(connection, "fan_outs/add_selection", {"run_id": row["run_id"], "run_step_id": root})
        return
    await fetch(
        connection,
        "runs/add_root",
        {
            "run_id": row["run_id"],
            "run_step_id": root,
            "queue_id": queue_id,
            "correlation_id": row["correlation_id"],
        },
    )


def _key(definition: Definition) -> tuple[str, str, bytes]:
    return (str(definition.kind), definition.name, definition.sha256)
