"""Batches: what one run has staged, and what a person says of it. Works with or without a runner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.store import vanishing
from wave_runner.store.database import Connection, Database, fetch


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one run has staged, by what has become of the rows; its number is the run's.

    `whole` is None where its source was not read to the end; else "open" until its run has ended, then "settled", or
    "held" until somebody says what it means: "approved", "refused". Then `vanished` of the `known` records of its source
    are not in it.
    """

    run_id: int
    workflow: str
    collection: str
    run_state: str
    revalidates: int | None
    rows: int
    waiting: int
    promoted: int
    updated: int
    unchanged: int
    rejected: int
    revalidated: int
    rolled_back: int
    whole: str | None
    known: int | None
    vanished: int | None
    decided_by: str | None
    reason: str | None
    staged_at: datetime


@dataclass(frozen=True, kw_only=True)
class Batches:
    """What one person may do with batches.

    Raises `NotFoundError` for what is not there, `ConflictError` where things changed or speak against it.
    """

    database: Database
    by: str

    async def known(self, run_id: int | None = None) -> list[Batch]:
        """Return all batches, the newest first, or one of them."""
        async with self.database.snapshot() as connection:
            rows = await fetch(connection, "batches/known", {"run_id": run_id})
        if run_id is not None and not rows:
            raise NotFoundError(f"run {run_id} has staged nothing", hint="wave staging list shows every batch")
        return [Batch(**row) for row in rows]

    async def vanished(self, run_id: int) -> list[str]:
        """Return the keys of the records that vanished with a batch, or would, where it is held."""
        async with self.database.transaction() as connection:
            found = await _whole(connection, run_id)
            if found.state == "held":
                return sorted((await vanishing.look(connection, run_id)).keys.values())
            return await vanishing.vanished(connection, run_id)

    async def approve(self, run_id: int, *, reason: str, expect: int | None = None) -> int:
        """Say that what a held batch has not has vanished. Returns how many records that is."""
        return await self._judge(run_id, approved=True, reason=reason, expect=expect)

    async def refuse(self, run_id: int, *, reason: str) -> int:
        """Say that it has not. Returns of how many records that was said."""
        return await self._judge(run_id, approved=False, reason=reason, expect=None)

    async def _judge(self, run_id: int, *, approved: bool, reason: str, expect: int | None) -> int:
        async with self.database.transaction() as connection:
            found = await _whole(connection, run_id)
            if found.state != "held":
                raise ConflictError(f"batch {run_id} is {found.state}, and not held: nobody is asked about it")
            missing = list((await vanishing.look(connection, run_id)).keys)
            if expect is not None and len(missing) != expect:
                raise ConflictError(
                    f"{len(missing)} records are missing in batch {run_id}, and {expect} were expected",
                    hint=f"look again: wave staging vanished {run_id}",
                )
            await vanishing.judge(connection, run_id, missing, approved=approved, by=self.by, reason=reason)
            return len(missing)


async def _whole(connection: Connection, run_id: int) -> vanishing.Held:
    found = await vanishing.lock(connection, run_id)
    if found is None:
        raise NotFoundError(
            f"the batch of run {run_id} is not whole: no step has said that it has read its source to the end",
            hint="wave staging list shows every batch",
        )
    return found
