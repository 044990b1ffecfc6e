"""What people say of what is kept of a record: erase it, agree to that, let nothing of it be erased.

One person asks and another one agrees; then what is under way of the record is cancelled, and everything that is kept
of it goes in one transaction. Killed before it, nothing is gone, and the same order does it; killed after it, it is
done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from wave_runner.core.erasure import erased_key, same_person
from wave_runner.core.event import EventType, commitment
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.workflow import CollectionSpec
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.runner.orders import LOOK_S, Orders
from wave_runner.store import erasures, events, records
from wave_runner.store.control import Scope
from wave_runner.store.database import Connection, DataRefused
from wave_runner.store.erasures import Known, Request


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What is kept of a record, by table, and what is not ours to erase.

    `live` interactions are cancelled first. `yours` are rows of the project's own tables, `speaking` what belongs to no
    record and has the key in it; of both nothing is touched. `held_through` are held records that were given recorded
    answers of this one, with who has placed the hold: as long as that stands it cannot be erased.
    """

    record: Known
    live: int
    kept: dict[str, int]
    yours: dict[str, int]
    speaking: dict[str, int]
    held_through: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Done:
    """An erasure that was done. The record is called `new_key` from now on."""

    erasure_id: UUID
    new_key: str
    cancelled: int
    erased: dict[str, int]
    requested_by: str
    approved_by: str


@dataclass(kw_only=True)
class Erasing:
    """Acts for the person `by`. Raises `NotFoundError` for a record that is not there."""

    orders: Orders
    collections: Mapping[str, CollectionSpec]
    by: str

    async def preview(self, key: str, *, collection: str | None) -> Preview:
        """Return what an erasure would do, changing nothing."""
        async with self.orders.database.snapshot() as connection:
            known = await self._known(connection, key, collection)
            kept = await erasures.counts(connection, known.record_id)
            return Preview(
                record=known,
                live=kept.pop("live"),
                kept=kept,
                yours=await self._yours(connection, known),
                speaking=await erasures.speaking_of(connection, key),
                held_through=await erasures.held_through(connection, known.record_id),
            )

    async def request(self, key: str, *, collection: str | None, basis: str) -> UUID:
        """Ask for a record to be erased; somebody else must agree. Raises `ConflictError` if that is asked already."""
        async with self.orders.database.transaction() as connection:
            known = await self._locked(connection, key, collection)
            nonce = os.urandom(32)
            erasure_id = await erasures.request(connection, known.record_id, basis=basis, nonce=nonce, by=self.by)
            if erasure_id is None:
                message = f"{known.requested_by} has asked already for {key} to be erased"
                raise ConflictError(message, hint=f"somebody else agrees: wave audit erase --record {key} --approve")
            flows = await erasures.flows(connection, known.record_id)
            data = {"by": self.by, "basis": commitment(nonce, basis.encode()), "flows": flows}
            await events.append(connection, EventType.ERASURE_REQUESTED, data, correlation_id=erasure_id)
            return erasure_id

    async def withdraw(self, key: str, *, collection: str | None) -> UUID:
        """Take a request back. Raises `ConflictError` where none is open."""
        async with self.orders.database.transaction() as connection:
            known = await self._locked(connection, key, collection)
            erasure_id = await erasures.withdraw(connection, known.record_id)
            if erasure_id is None:
                raise _nobody_asks(key)
            await events.append(connection, EventType.ERASURE_WITHDRAWN, {"by": self.by}, correlation_id=erasure_id)
            return erasure_id

    async def approve(self, key: str, *, collection: str | None) -> Done:
        """Agree to a request: cancel what is under way of the record, and erase everything that is kept of it.

        Raises `ConflictError` where nobody has asked, who has asked agrees, a hold forbids it, or a run is about to
        take the record up.
        """
        cancelled = 0
        while True:
            async with self.orders.database.transaction() as connection:
                known = await self._locked(connection, key, collection)
                asked = await self._agreed(connection, known)
                scope = await erasures.unfinished(connection, known.record_id)
                if not scope.run_step_ids and await erasures.lock_work(connection, known.record_id) == 0:
                    return await self._erase(connection, known, asked, cancelled)
            cancelled += await self._cancel(scope)

    async def hold(self, key: str, *, collection: str | None, reason: str) -> None:
        """Let nothing of a record be erased, by whomever. Raises `ConflictError` where that is said already."""
        async with self.orders.database.transaction() as connection:
            known = await self._locked(connection, key, collection)
            nonce = os.urandom(32)
            if not await erasures.place_hold(connection, known.record_id, reason=reason, nonce=nonce, by=self.by):
                raise ConflictError(f"{known.held_by} has placed a hold on {key} already", hint="nothing has changed")
            flows = await erasures.flows(connection, known.record_id)
            data = {"by": self.by, "reason": commitment(nonce, reason.encode()), "flows": flows}
            await events.append(connection, EventType.HOLD_PLACED, data)

    async def release(self, key: str, *, collection: str | None) -> None:
        """Let it be erased again. Raises `ConflictError` where there is no hold."""
        async with self.orders.database.transaction() as connection:
            known = await self._locked(connection, key, collection)
            if not await erasures.release_hold(connection, known.record_id):
                raise ConflictError(f"there is no hold on {key}", hint="nothing has changed")
            data = {"by": self.by, "flows": await erasures.flows(connection, known.record_id)}
            await events.append(connection, EventType.HOLD_RELEASED, data)

    async def _cancel(self, scope: Scope) -> int:
        if not scope.run_step_ids:
            return 0
        done = await self.orders.cancel_all(scope)
        if not done:
            await asyncio.sleep(LOOK_S)  # what is left is just being claimed or recorded by somebody
        return done

    async def _agreed(self, connection: Connection, known: Known) -> Request:
        """Return the request that may be met now."""
        asked = await erasures.open_request(connection, known.record_id)
        if asked is None:
            raise _nobody_asks(known.key)
        if same_person(asked.requested_by, self.by):
            raise ConflictError(
                f"{self.by} has asked for {known.key} to be erased, and cannot agree to it as well",
                hint=f"somebody else must agree: wave audit erase --record {known.key} --approve --as THEIR-NAME",
            )
        if held := await erasures.held_by(connection, known.record_id):
            raise ConflictError(
                f"{held} has placed a hold on {known.key}: nothing of it may be erased",
                hint=f"when it may: wave audit hold --record {known.key} --release",
            )
        await erasures.lock_holds(connection)
        for other, placed_by in (await erasures.held_through(connection, known.record_id)).items():
            raise ConflictError(
                f"{placed_by} has placed a hold on {other}, which was given a recorded answer of {known.key}: "
                "what was asked and answered is kept there alone",
                hint=f"when it may: wave audit hold --record {other} --release",
            )
        if runs := await erasures.still_coming(connection, known.record_id):
            raise ConflictError(
                f"run {runs[0]} has promoted {known.key}, and is about to take it up",
                hint=f"ask again once it has, or end it: wave cancel run {runs[0]}",
            )
        return asked

    async def _erase(self, connection: Connection, known: Known, asked: Request, cancelled: int) -> Done:
        new_key = erased_key(asked.erasure_id)
        data = {
            "requested_by": asked.requested_by,
            "approved_by": self.by,
            "basis": commitment(asked.basis_nonce, asked.basis.encode()),
            "erasure": str(asked.erasure_id),
        }
        erased = await erasures.erase(connection, known, asked, by=self.by, new_key=new_key, data=data)
        return Done(
            erasure_id=asked.erasure_id,
            new_key=new_key,
            cancelled=cancelled,
            erased=erased,
            requested_by=asked.requested_by,
            approved_by=self.by,
        )

    async def _locked(self, connection: Connection, key: str, collection: str | None) -> Known:
        await erasures.lock(connection, (await self._known(connection, key, collection)).record_id)
        # Once more, behind the lock: it may have been erased meanwhile.
        return await self._known(connection, key, collection)

    async def _known(self, connection: Connection, key: str, collection: str | None) -> Known:
        if collection is not None and collection not in self.collections:
            raise NotFoundError(f"no collection {collection}", hint=did_you_mean(collection, self.collections))
        found = await erasures.find(connection, key, collection=collection)
        if not found:
            raise NotFoundError(
                f"there is no record {key!r}",
                hint="one that was erased has another key since: wave audit erasures lists them",
            )
        if len(found) > 1:
            names = ", ".join(one.collection for one in found)
            raise ConflictError(f"{key} is a record of {names}", hint="say which: --collection NAME")
        return found[0]

    async def _yours(self, connection: Connection, known: Known) -> dict[str, int]:
        """Return how many rows of the project's own tables a record has; of one that cannot be read, none is said."""
        collection = self.collections.get(known.collection)
        if collection is None:
            return {}
        tables = await records.look_up_tables(connection, collection)
        found = {}
        for table in tables.addresses:
            try:
                of = await records.count_rows(connection, tables, table, {known.record_id: known.key})
            except DataRefused:
                continue
            found[table] = of[known.record_id]
        return found


def _nobody_asks(key: str) -> ConflictError:
    return ConflictError(
        f"nobody has asked for {key} to be erased", hint=f"first: wave audit erase --record {key} --basis TEXT"
    )
