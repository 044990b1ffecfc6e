"""Waves and what goes with them: runners, queues, visits, the ownership of local model servers."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import errors

from wave_runner.core.breaker import Position
from wave_runner.core.canonical import dumps
from wave_runner.core.event import EventType, data_text
from wave_runner.core.outcome import ErrorClass, Outage
from wave_runner.core.patience import Measured
from wave_runner.core.wave import LATELY_S, Waiting
from wave_runner.store import breakers, events
from wave_runner.store.database import Asked, Connection, Database, Row, ask, fetch, fetch_tuples, plan_by_key

# A count beyond this tells the planner nothing more.
WAITING_CAP = 1000


class Item(NamedTuple):
    """One interaction as a wave holds it."""

    run_id: int
    interaction_id: int
    run_step_id: int
    record_id: int | None
    key: str | None
    correlation_id: UUID
    parent_id: int | None
    item: int  # from 1 where a list was fanned out, else 0
    iteration: int
    generation: int
    attempt: int  # attempts so far; the one to come is attempt + 1
    errors: int = 0  # of them, failures that are charged to it
    age_s: float = 0.0  # since it was created, or retried by a person


@dataclass(frozen=True, kw_only=True)
class Wave:
    """A claimed wave: `wave_id` is the fence of everything done for its items."""

    wave_id: int
    runner_id: UUID | None  # None: no runner is at work, a person has decided
    queue_id: int
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue with claimable work; those of a paused actor, or one stopped by drift, may not be claimed."""

    waiting: Waiting
    lane: str
    actor: str
    drifted: bool  # and stopped by that
    other_weights: bool  # its model server holds others than those that were approved
    paused: bool
    held: tuple[int, ...]  # runs of which nothing may be begun
    run_step_id: int  # of the head: says what must be at hand
    fits: bool  # no labels are needed that the runner has not
    lacking: Sequence[str]  # the labels that are needed, if no runner at work has them
    trouble: breakers.Trouble | None  # of its server or its model
    measured: Measured

    @property
    def id(self) -> int:
        return self.waiting.queue_id

    @property
    def front(self) -> Front:
        """The place of its head."""
        return Front(rank=self.waiting.rank, interaction_id=self.waiting.head)

    @property
    def is_open(self) -> bool:
        """Whether its work may be claimed, or tried."""
        return self.fits and not (self.drifted or self.paused) and (self.trouble is None or self.trouble.is_due)


class Front(NamedTuple):
    """A place in the order of a queue."""

    rank: int
    interaction_id: int


BEFORE_ALL = Front(rank=-(2**31), interaction_id=0)
NO_FRONTS: Mapping[int, Front] = {}


@dataclass(frozen=True, kw_only=True)
class Look:
    """What waits at a moment, and the runs of which nothing may be begun."""

    queues: Sequence[Queue]
    held: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Expired:
    """A wave that a sweeper has closed because its lease ran out."""

    wave_id: int
    runner_id: UUID
    size: int
    crashed: bool


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a runner can do: the labels that it has, the model servers that it can ask, scripts at once."""

    labels: Sequence[str] = ()
    servers: Sequence[str] = ()
    script_slots: int = 0


NO_CAPACITY = Capacity()


async def register_runner(database: Database, runner_id: UUID, version: str, capacity: Capacity = NO_CAPACITY) -> None:
    """Make a runner known before it claims anything."""
    given = {
        "runner_id": runner_id,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": version,
        "labels": list(capacity.labels),
        "servers": list(capacity.servers),
        "script_slots": capacity.script_slots,
    }
    await database.fetch("runners/register", given)


async def end_runner(database: Database, runner_id: UUID) -> None:
    """Say that a runner has ended in good order and owns no server any more."""
    await database.fetch("runners/end", {"runner_id": runner_id})


async def waiting(
    database: Database,
    lanes: Sequence[str],
    *,
    runner_id: UUID,
    lease_s: float,
    labels: Sequence[str] = (),
    held: Sequence[int] = (),
    fronts: Mapping[int, Front] = NO_FRONTS,
) -> Look:
    """Return the queues of these lanes that have claimable work, for a runner with these labels.

    A runner that has not been heard of for a lease is taken for gone. `held` are the runs of which nothing may be begun
    as far as is known; what has changed since is found out. What stands before the front of a queue, where one is
    given, is not seen.
    """
    asked: dict[str, Any] = {
        "lanes": list(lanes),
        "cap": WAITING_CAP,
        "held": list(held),
        "runner_id": runner_id,
        "labels": list(labels),
        "lease_s": lease_s,
        "lately_s": LATELY_S,
        "front_queues": list(fronts),
        "front_ranks": [front.rank for front in fronts.values()],
        "front_ids": [front.interaction_id for front in fronts.values()],
    }
    rows = await database.fetch("queues/waiting", asked, by_key=True)
    while rows[0]["held"] != asked["held"]:
        asked["held"] = rows[0]["held"]
        rows = await database.fetch("queues/waiting", asked, by_key=True)
    found = tuple(asked["held"])
    return Look(queues=[_queue(row, found) for row in rows if row["queue_id"] is not None], held=found)


def _queue(row: Row, held: tuple[int, ...]) -> Queue:
    return Queue(
        waiting=Waiting(
            queue_id=row["queue_id"],
            work_key=row["work_key"],
            template=row["template"],
            position=row["position"],
            waiting=row["waiting"],
            head_age_s=row["head_age_s"],
            rank=row["rank"],
            head=row["interaction_id"],
            others=row["others"],
        ),
        lane=row["lane"],
        actor=row["actor"],
        drifted=row["drifted"],
        other_weights=row["other_weights"],
        paused=row["paused"],
        held=held,
        run_step_id=row["run_step_id"],
        fits=row["fits"],
        lacking=row["lacking"],
        measured=Measured(samples=row["samples"], p99_s=row["p99_s"]),
        trouble=_trouble(row) if row["breaker"] is not None else None,
    )


def _trouble(row: Row) -> breakers.Trouble:
    return breakers.Trouble(
        of=breakers.Of(kind=Outage(row["breaker"]), name=row["of"]),
        position=Position(row["stands"]),
        is_due=row["is_due"],
        trips=row["trips"],
        error_class=ErrorClass(row["error_class"]),
        reason=row["reason"],
    )


async def fed(database: Database, work_keys: Collection[str], *, linger_s: float) -> set[str]:
    """Return those of these work keys that work is on its way to."""
    given = {"work_keys": sorted(work_keys), "linger_s": linger_s}
    rows = await database.fetch("queues/feeding", given, by_key=True)
    return {row["work_key"] for row in rows}


class Turn(NamedTuple):
    """A queue that had a wave, and how many seconds ago the last one was opened."""

    queue_id: int
    work_key: str
    seconds: float


async def turns(database: Database, server: str) -> list[Turn]:
    """Return when each queue of a server had its last wave, of those that had one."""
    return [Turn(**row) for row in await database.fetch("waves/opened", {"server": server})]


async def loads_s(database: Database, server: str, models: Collection[str]) -> dict[str, float]:
    """Return the seconds that the last loads of models took on a server, of those that it has loaded."""
    rows = await database.fetch("servers/loads", {"server": server, "models": sorted(models)})
    return {row["model"]: row["seconds"] for row in rows}


@dataclass(frozen=True, kw_only=True)
class Claiming:
    """A claim that has been asked, and may not be answered yet."""

    asked: Asked
    runner_id: UUID
    queue_id: int

    async def wave(self) -> Wave | None:
        """Return the wave once it is answered; None if others were first."""
        rows = await self.asked.tuples()
        if not rows:
            return None
        wave_id, _, items = _claimed(rows)
        return Wave(wave_id=wave_id, runner_id=self.runner_id, queue_id=self.queue_id, items=items)


def ask_claim(
    connection: Connection,
    *,
    runner_id: UUID,
    runner_seq: int,
    queue_id: int,
    size: int,
    lease_s: float,
    reason: str,
    held: Sequence[int] = (),
    front: Front = BEFORE_ALL,
    server: str | None = None,
    slot: int | None = None,
) -> Claiming:
    """Ask to open a wave on a queue and claim up to `size` of its work, from its `front` on, in a transaction by key.

    Work of a run that is held is never claimed; `held` are those that are known to be, so that it is passed by.
    """
    parameters = {
        "runner_id": runner_id,
        "runner_seq": runner_seq,
        "queue_id": queue_id,
        "size": size,
        "lease_s": lease_s,
        "held": list(held),
        "front_rank": front.rank,
        "front_id": front.interaction_id,
        "reason": dumps(reason).decode(),
        "server": server,
        "slot": slot,
    }
    return Claiming(asked=ask(connection, "waves/claim", parameters), runner_id=runner_id, queue_id=queue_id)


async def claim(connection: Connection, *, slot: int | None = None, **given: Any) -> Wave | None:
    """Claim as `ask_claim` does; None if others were first."""
    await plan_by_key(connection)
    if slot is None:
        return await ask_claim(connection, **given).wave()
    try:
        async with connection.transaction():
            return await ask_claim(connection, slot=slot, **given).wave()
    except errors.UniqueViolation:
        return None  # another runner has a wave open on this slot


async def claim_overdue(
    connection: Connection, *, runner_id: UUID, runner_seq: int, size: int, lease_s: float
) -> Wave | None:
    """Open a wave for work that has waited longer than its step allows; None if there is none."""
    given = {"runner_id": runner_id, "runner_seq": runner_seq, "size": size, "lease_s": lease_s, "reason": '"overdue"'}
    await plan_by_key(connection)
    rows = await fetch_tuples(connection, "waves/claim_overdue", given)
    if not rows:
        return None
    wave_id, queue_id, items = _claimed(rows)
    return Wave(wave_id=wave_id, runner_id=runner_id, queue_id=queue_id, items=items)


async def close(connection: Connection, wave: Wave, *, done: int) -> None:
    """Close a wave; what it has not done was given back before. A sweeper may have closed it already."""
    data = data_text({"held": len(wave.items), "done": done})
    await fetch(connection, "waves/close", {"wave_id": wave.wave_id, "data": data})


def _claimed(rows: Sequence[tuple[Any, ...]]) -> tuple[int, int, tuple[Item, ...]]:
    """Return the wave, its queue and its items, from the rows of a claim: the columns of an `Item`, in its order."""
    wave_id, queue_id = rows[0][:2]
    return wave_id, queue_id, tuple(Item._make(row[2:]) for row in rows)


async def expire(connection: Connection, *, lease_s: float) -> list[Expired]:
    """Close the waves whose lease has run out; their work is given back by `interactions.reclaim`."""
    rows = await fetch(connection, "waves/expired", {"lease_s": lease_s})
    return [
        Expired(wave_id=row["wave_id"], runner_id=row["runner_id"], size=row["size"], crashed=row["crashed"])
        for row in rows
    ]


async def own_server(database: Database, server: str, runner_id: UUID, *, lease_s: float) -> bool:
    """Take a local model server, or keep it. False while another runner owns it."""
    parameters = {"server": server, "runner_id": runner_id, "lease_s": lease_s}
    return bool(await database.fetch("servers/own", parameters))


async def disown_server(database: Database, server: str, runner_id: UUID) -> None:
    """Give a local model server up, so that another runner may take it at once."""
    await database.fetch("servers/disown", {"server": server, "runner_id": runner_id})


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A model that is resident for the waves to come: how it came there, and exactly which weights it has."""

    server: str
    model: str
    digest: str
    loaded: bool
    load_us: int
    evicted: tuple[str, ...]


async def open_visit(database: Database, visit: Visit, *, runner_id: UUID) -> int:
    """Record a visit, with the load and the evictions that it took."""
    async with database.transaction() as connection:
        for name in visit.evicted:
            data = {"server": visit.server, "model": name}
            await events.append(connection, EventType.MODEL_UNLOADED, data, runner_id=runner_id)
        facts = {"server": visit.server, "model": visit.model, "digest": visit.digest, "load_us": visit.load_us}
        if visit.loaded:
            await events.append(connection, EventType.MODEL_LOADED, facts, runner_id=runner_id)
        parameters = {**facts, "loaded": visit.loaded, "runner_id": runner_id}
        rows = await fetch(connection, "servers/open_visit", parameters)
        return int(rows[0]["visit_id"])


async def enter(database: Database, wave: Wave, *, visit_id: int) -> None:
    """Note with which model in memory what is left of a wave is done."""
    await database.fetch("waves/enter", {"wave_id": wave.wave_id, "visit_id": visit_id})


async def record_load_failure(
    database: Database, *, runner_id: UUID, server: str, model: str, error_class: str
) -> None:
    """Record that a model could not be loaded. It counts against the model, never against a record."""
    async with database.transaction() as connection:
        data = {"server": server, "model": model, "error_class": error_class}
        await events.append(connection, EventType.MODEL_LOAD_FAILED, data, runner_id=runner_id)
