"""A runner's work done by hand, call by call, to stand between any two of its transactions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from tests.support.projects import Ground, start_run

from wave_runner.core.event import EventType, commitment
from wave_runner.core.flow import Flow
from wave_runner.core.interaction import State
from wave_runner.core.pinned import read_step
from wave_runner.engine import Engine
from wave_runner.store import interactions, records, runs, waves
from wave_runner.store.database import Connection
from wave_runner.store.interactions import Move, Origin, Start
from wave_runner.store.run_flow import RunFlow

EVENT_OF = {
    State.COMPLETED: EventType.INTERACTION_COMPLETED,
    State.FAILED: EventType.INTERACTION_FAILED,
    State.QUARANTINED: EventType.INTERACTION_QUARANTINED,
    State.PENDING: EventType.INTERACTION_RETRY_SCHEDULED,
}

# Records with their rows in the user's table, live in the run, and one pending interaction each.
SEED = """\
WITH made AS (
    INSERT INTO records (collection, key) SELECT 'items', format('item %%s', n)
    FROM generate_series((SELECT count(*) FROM records), (SELECT count(*) FROM records) + %(n)s - 1) AS n
    RETURNING record_id, key
), rows AS (
    INSERT INTO items (item_id, name, text) SELECT record_id, key, 'some words to count' FROM made
), live AS (
    INSERT INTO run_records (run_id, record_id, workflow_id, live)
    SELECT r.run_id, record_id, r.workflow_id, 1 FROM made, workflow_runs r WHERE r.run_id = %(run_id)s
), pending AS (
    INSERT INTO interactions (run_id, run_step_id, queue_id, record_id, correlation_id, rank)
    SELECT %(run_id)s, rs.run_step_id, rs.queue_id, record_id, gen_random_uuid(), %(rank)s
    FROM made, run_steps rs JOIN steps USING (step_id) WHERE rs.run_id = %(run_id)s AND name = %(step)s
    ORDER BY record_id RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), claimable AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM pending
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, 'pending', count(*) FROM pending GROUP BY 1, 2
)
SELECT interaction_id FROM pending
"""

# After a change by hand: what can be claimed is what is pending, not delayed and in no wave's hand.
PUT_IN_ORDER = """
INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id, suspect)
SELECT queue_id, rank, interaction_id, run_id, run_step_id, suspect FROM interactions i
WHERE state = 'pending' AND ready_at IS NULL
  AND NOT EXISTS (SELECT FROM claimed c WHERE c.interaction_id = i.interaction_id)
"""

T = TypeVar("T")


@dataclass(kw_only=True)
class Hand:
    """One runner of an engine whose run has been started, and what it needs to move that run's work."""

    engine: Engine
    run_id: int
    steps: dict[str, runs.RunStep]
    run_flow: RunFlow
    tables: records.Tables
    runner_id: UUID = field(default_factory=uuid4)
    seq: int = 0

    async def other(self) -> Hand:
        """Return another runner of the same engine and run."""
        hand = replace(self, runner_id=uuid4(), seq=0)
        await waves.register_runner(self.engine.database, hand.runner_id, "test")
        return hand

    async def claim(self, step: str = "count", *, size: int = 1000, lease_s: float = 30, **slot: Any) -> Any:
        """Claim a wave of a step's work."""
        self.seq += 1
        async with self.engine.database.transaction() as connection:
            return await waves.claim(
                connection,
                runner_id=self.runner_id,
                runner_seq=self.seq,
                queue_id=self.steps[step].queue_id,
                size=size,
                lease_s=lease_s,
                reason="test",
                **slot,
            )

    async def begin(self, wave: waves.Wave, items: Sequence[waves.Item] | None = None) -> set[int]:
        """Start a wave's items."""
        starts = [self.start(item) for item in (wave.items if items is None else items)]
        return await self.transact(lambda connection: interactions.start(connection, wave, starts))

    def start(self, item: waves.Item) -> Start:
        """Return the start of one item."""
        nonce = os.urandom(32)
        data = {"attempt": item.attempt + 1, "input": commitment(nonce, b"{}")}
        return Start(item=item, origin=self.origin(item), input="{}", nonce=nonce, data=data)

    def move(self, item: waves.Item, state: State = State.COMPLETED, **more: Any) -> Move:
        """Return a move of one item."""
        nonce = os.urandom(32)
        data = {"output": commitment(nonce, b"{}")} if state is State.COMPLETED else {}
        came: dict[str, Any] = {"output": "{}", "nonce": nonce} if state is State.COMPLETED else {"error": "-"}
        given = {"type": EVENT_OF[state], "data": data, "tables": self.tables, "run": self.run_flow, **came, **more}
        return Move(item=item, origin=self.origin(item), state=state, **given)

    async def finish(
        self, wave: waves.Wave, moves: Sequence[Move] | None = None, *, from_state: State = State.RUNNING
    ) -> set[int]:
        """Apply moves; without any, complete the whole wave."""
        given = [self.move(item) for item in wave.items] if moves is None else moves
        return await self.transact(
            lambda connection: interactions.finish(connection, wave, given, from_state=from_state)
        )

    async def close(self, wave: waves.Wave) -> None:
        """Give back what a wave has in hand, and close it, as a runner that stops does."""

        async def close(connection: Connection) -> None:
            await interactions.release(connection, wave)
            await waves.close(connection, wave, done=0)

        await self.transact(close)

    async def release(self, wave: waves.Wave) -> int:
        """Give a wave's work back, as a runner that stops does."""
        return await self.transact(lambda connection: interactions.release(connection, wave))

    async def sweep(self) -> int:
        """Take back the work of every wave whose lease has run out; return how many waves those were."""

        async def reclaim(connection: Connection) -> int:
            expired = await waves.expire(connection, lease_s=0.001)
            for one in expired:
                await interactions.reclaim(connection, one, runner_id=self.runner_id, run_flow=self._flow_of)
            return len(expired)

        return await self.transact(reclaim)

    async def die(self, *, lives: bool = False) -> None:
        """Let all leases of this runner run out; with `lives` its heartbeat is as young as can be."""
        beat = "clock_timestamp() + interval '1 minute'" if lives else "clock_timestamp() - interval '1 hour'"
        await self.sql(f"UPDATE runners SET heartbeat_at = {beat} WHERE runner_id = %s", self.runner_id)
        await self.sql(
            "UPDATE waves SET lease_expires_at = clock_timestamp() - interval '1 minute' "
            "WHERE runner_id = %s AND closed_at IS NULL",
            self.runner_id,
        )

    async def transact(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something in a transaction."""
        async with self.engine.database.transaction() as connection:
            return await act(connection)

    async def sql(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Run a statement and commit."""
        async with self.engine.database.transaction() as connection:
            cursor = await connection.execute(query, parameters)
            return await cursor.fetchall() if cursor.description else []

    async def put_in_order(self) -> None:
        """Let exactly that be claimed which can be, after a change by hand."""
        await self.sql("DELETE FROM claimable")
        await self.sql(PUT_IN_ORDER)

    async def seed(self, n: int, *, step: str = "count", rank: int = 0) -> list[int]:
        """Make `n` records with pending work at a step; return the ids of the interactions, in order."""
        given = {"n": n, "run_id": self.run_id, "step": step, "rank": rank}
        async with self.engine.database.transaction() as connection:
            cursor = await connection.execute(SEED, given)
            return sorted(row["interaction_id"] for row in await cursor.fetchall())

    async def _flow_of(self, connection: Connection, run_step_id: int) -> RunFlow:
        return self.run_flow

    def origin(self, item: waves.Item) -> Origin:
        step = next(step for step in self.steps.values() if step.run_step_id == item.run_step_id)
        return Origin(step=step.step, actor=step.actor, definition=step.sha256)


def by_hand(ground: Ground, act: Callable[[Hand], Awaitable[T]]) -> T:
    """Start a run of the ground's project and do something with it by hand, which may be half of what a runner does."""
    ground.tampered = True

    async def with_hand(engine: Engine) -> T:
        return await act(await hand_of(engine))

    return ground.do(with_hand)


async def hand_of(engine: Engine) -> Hand:
    """Start a run and return a registered runner that has done nothing yet."""
    return await hand_on(engine, await start_run(engine))


async def hand_on(engine: Engine, run_id: int) -> Hand:
    """Return a registered runner that has done nothing yet, for a run that is there."""
    database = engine.database
    async with database.transaction() as connection:
        cursor = await connection.execute("SELECT run_step_id FROM run_steps WHERE run_id = %s", [run_id])
        ids = [row["run_step_id"] for row in await cursor.fetchall()]
        steps = {step.step: step for step in await runs.steps(connection, ids)}
        pinned = {name: read_step(step.definition) for name, step in steps.items()}
        tables = await records.look_up_tables(connection, next(iter(pinned.values())).collection)
    run_flow = RunFlow(flow=Flow({name: one.step for name, one in pinned.items()}), steps=steps)
    hand = Hand(engine=engine, run_id=run_id, steps=steps, run_flow=run_flow, tables=tables)
    await waves.register_runner(database, hand.runner_id, "test")
    return hand


async def all_at_once(acts: Sequence[Awaitable[T]]) -> list[T]:
    """Wait for several things done side by side."""
    return list(await asyncio.gather(*acts))
