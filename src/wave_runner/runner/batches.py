"""What a person says of staged rows: validate them again, promote, reject, roll back; whether records have vanished.

Works with or without a runner. Each order is one transaction: a kill leaves all of it or nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wave_runner.core.filters import Term
from wave_runner.core.marks import Expect, mark_of, surprise
from wave_runner.core.staged import DECIDABLE, meets
from wave_runner.core.workflow import UPDATE, CollectionSpec
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.runner.orders import Orders
from wave_runner.store import batches, records, reruns, rollback, runs, staging, vanishing
from wave_runner.store.batches import Batch, Order, StagedRow
from wave_runner.store.control import Scope
from wave_runner.store.database import Connection, Database, DataRefused
from wave_runner.store.refetching import Refetch
from wave_runner.store.rollback import RolledBack

LIST_HINT = "wave staging list shows every batch"
SHOWN = 10
STATES: Mapping[str, Sequence[str]] = {
    "revalidate": DECIDABLE,
    "promote": DECIDABLE,
    "reject": ("waiting", "rolled_back"),
}
"""In which states a row must be for each kind of order."""

Starts = Callable[[Mapping[str, Any]], runs.NewRun]
"""The run that takes rows up, by the parameters of the one that has staged them."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Rows of a batch that an order is about, by the rule that had rejected them; "" where none had."""

    kind: str
    run_id: int
    ids: tuple[int, ...]
    by_rule: Mapping[str, int]

    @property
    def mark(self) -> str:
        """What names exactly these rows, for whoever acts on them."""
        return mark_of(self.ids, order=self.kind)


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What a person promotes rows as: what came, where it has the table's own names, and above it what is `set`.

    `key` is for one row alone; without it a row's key is what stands in the collection's key column.
    """

    collection: CollectionSpec
    key: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    reads: Sequence[str] = ()  # columns that the workflow reads, and those that it writes
    writes: Sequence[str] = ()


@dataclass(kw_only=True)
class Batches:
    """What one person may do with batches.

    Raises `NotFoundError` for what is not there, `ConflictError` where things changed or speak against it.
    """

    database: Database
    orders: Orders
    by: str

    async def known(self, run_id: int | None = None) -> list[Batch]:
        """Return all batches, the newest first, or one of them."""
        async with self.database.snapshot() as connection:
            return [await self._one(connection, run_id)] if run_id is not None else await batches.known(connection)

    async def rows(self, run_id: int, terms: Sequence[Term] = ()) -> list[StagedRow]:
        """Return the rows of a batch that are as the conditions want them."""
        async with self.database.snapshot() as connection:
            await self._one(connection, run_id)
            return await _rows(connection, run_id, terms)

    async def choose(self, kind: str, run_id: int, terms: Sequence[Term]) -> Chosen:
        """Return which rows an order of a kind would be about. Changes nothing."""
        async with self.database.snapshot() as connection:
            return await self._choose(connection, kind, run_id, terms)

    async def revalidate(
        self, run_id: int, terms: Sequence[Term], starts: Starts, *, reason: str, expect: Expect = None
    ) -> int:
        """Have rows validated once more, as the folder has it now, in a run of their own. Returns its number."""
        order = Order(kind="revalidate", run_id=run_id, reason=reason, by=self.by)
        async with self.database.transaction() as connection:
            again_in, ids = await self._take_up(connection, order, terms, starts, expect=expect)
            await batches.tell(connection, order, {"rows": len(ids)}, again_in=again_in)
        return again_in

    async def promote(
        self,
        run_id: int,
        terms: Sequence[Term],
        starts: Starts,
        promotion: Promotion,
        *,
        reason: str,
        expect: Expect = None,
    ) -> int:
        """Promote rows in this person's name; a run of their own takes them up. Returns its number."""
        order = Order(kind="promote", run_id=run_id, reason=reason, by=self.by)
        try:
            async with self.database.transaction() as connection:
                again_in, ids = await self._take_up(connection, order, terms, starts, expect=expect)
                await self._promote(connection, order, again_in, ids, promotion)
                await batches.tell(connection, order, {"rows": len(ids)}, again_in=again_in)
        except DataRefused as error:
            hint = "say what the columns are to be with --set COLUMN=VALUE; nothing has changed"
            raise ConflictError(f"the table refuses it: {error}", hint=hint) from error
        return again_in

    async def reject(self, run_id: int, terms: Sequence[Term], *, reason: str, expect: Expect = None) -> int:
        """Reject rows that nobody has decided on, or that were rolled back. Returns how many."""
        order = Order(kind="reject", run_id=run_id, reason=reason, by=self.by)
        async with self.database.transaction() as connection:
            chosen = await self._chosen(connection, order, terms, expect=expect)
            done = await batches.reject(connection, order, chosen.ids)
            await batches.tell(connection, order, {"rows": done})
            await batches.judge_again(connection, run_id)
        return done

    async def roll_back(
        self, run_id: int, collection: CollectionSpec, *, reason: str, dry: bool, expect: int | None = None
    ) -> RolledBack:
        """Take back what became of a batch: its records, their values, their results. With `dry` nothing changes.

        Raises `ConflictError` where something newer stands on one of its records.
        """
        order = Order(kind="roll_back", run_id=run_id, reason=reason or "-", by=self.by)
        batch, steps = await self._settled(run_id)
        if dry:
            return await self._look_back(order, collection, batch)
        found = await self._look_back(order, collection, batch)
        _refuse(found, run_id, expect)
        await self.orders.cancel_all(Scope(run_ids=(run_id,), run_step_ids=tuple(steps)))
        try:
            async with self.database.transaction() as connection:
                await reruns.lock(connection, run_id)
                tables = await records.look_up_tables(connection, collection)
                done = await rollback.roll_back(connection, order, tables, workflow=batch.workflow)
                _refuse(done, run_id, expect)
        except DataRefused as error:
            hint = f"nothing has changed but that work under way of run {run_id} was cancelled"
            raise ConflictError(f"batch {run_id} was not rolled back: {error}", hint=hint) from error
        return done

    async def _settled(self, run_id: int) -> tuple[Batch, list[int]]:
        async with self.database.snapshot() as connection:
            batch = await self._one(connection, run_id)
            deciding, steps = await rollback.is_deciding(connection, run_id)
        if deciding:
            raise ConflictError(
                f"run {run_id} is still bringing in its rows",
                hint=f"wait for it, or end it: wave cancel run {run_id}",
            )
        return batch, steps

    async def _look_back(self, order: Order, collection: CollectionSpec, batch: Batch) -> RolledBack:
        try:
            async with self.database.transaction() as connection:
                tables = await records.look_up_tables(connection, collection)
                done = await rollback.roll_back(connection, order, tables, workflow=batch.workflow)
                raise _TakeBack
        except _TakeBack:
            return done
        except DataRefused as error:
            raise ConflictError(f"batch {order.run_id} cannot be rolled back: {error}") from error

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

    async def refuse(self, run_id: int, *, reason: str, expect: int | None = None) -> int:
        """Say that it has not. Returns of how many records that was said."""
        return await self._judge(run_id, approved=False, reason=reason, expect=expect)

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

    async def _one(self, connection: Connection, run_id: int) -> Batch:
        found = await batches.known(connection, run_id)
        if not found:
            raise NotFoundError(f"run {run_id} has staged nothing", hint=LIST_HINT)
        return found[0]

    async def _choose(self, connection: Connection, kind: str, run_id: int, terms: Sequence[Term]) -> Chosen:
        batch = await self._one(connection, run_id)
        if batch.run_state == "running" and batch.waiting:
            hint = f"wait for it, or end it: wave cancel run {run_id}"
            raise ConflictError(f"run {run_id} is still deciding about its rows", hint=hint)
        found = [row for row in await _rows(connection, run_id, terms) if row.state in STATES[kind] and not row.erased]
        return Chosen(kind=kind, run_id=run_id, ids=tuple(row.id for row in found), by_rule=Counter(map(_rule, found)))

    async def _chosen(self, connection: Connection, order: Order, terms: Sequence[Term], *, expect: Expect) -> Chosen:
        """Choose behind the lock of the run: whoever was first has been waited for."""
        run_id = order.run_id
        await reruns.lock(connection, run_id)
        chosen = await self._choose(connection, order.kind, run_id, terms)
        if said := surprise(expect, there=len(chosen.ids), marked=chosen.mark, said="rows are chosen"):
            raise ConflictError(said, hint="look again: the same command without --yes")
        if not chosen.ids:
            raise NotFoundError("no row is chosen", hint=f"look first: wave staging list {run_id}")
        await batches.lock(connection, run_id, chosen.ids)
        return chosen

    async def _take_up(
        self, connection: Connection, order: Order, terms: Sequence[Term], starts: Starts, *, expect: Expect
    ) -> tuple[int, dict[int, int]]:
        """Start the run that takes rows up, and stage them there. Returns it, and the new number of each row."""
        chosen = await self._chosen(connection, order, terms, expect=expect)
        again_in = await runs.create(connection, starts(await reruns.params_of(connection, order.run_id)))
        return again_in, await batches.copy(connection, order, chosen.ids, again_in=again_in)

    async def _promote(
        self, connection: Connection, order: Order, again_in: int, ids: Mapping[int, int], promotion: Promotion
    ) -> None:
        collection = promotion.collection
        if promotion.key is not None and len(ids) != 1:
            raise ProjectError(f"{len(ids)} rows are chosen, and --key is for one", hint="narrow them: --where id:N")
        tables = await records.look_up_tables(connection, collection)
        columns = set(await records.given_columns(connection, collection.table)) - {collection.record_column}
        rows = await batches.rows(connection, again_in, with_raw=True)
        promotions = [_promotion(row, promotion, columns) for row in rows]
        refetch = Refetch(
            run_id=again_in,
            interaction_id=await batches.stager(connection, again_in),
            attempt=1,
            reads=promotion.reads,
            writes=promotion.writes,
        )
        renews = collection.known == UPDATE
        verdicts = await staging.promote_by_hand(
            connection, tables, promotions, refetch=refetch, renews=renews, by=order.by
        )
        old = {new: id for id, new in ids.items()}
        for verdict in verdicts:
            if verdict.errors:
                raise ConflictError(f"row {old[verdict.id]}: {verdict.errors[0]['message']}")


class _TakeBack(Exception):  # leaves the transaction, so that it is rolled back
    pass


async def _rows(connection: Connection, run_id: int, terms: Sequence[Term]) -> list[StagedRow]:
    found = await batches.rows(connection, run_id, with_raw=any(term.column.startswith("raw.") for term in terms))
    return [row for row in found if meets(terms, vars(row), batches.read(row.raw))] if terms else found


def _rule(row: StagedRow) -> str:
    return str(row.errors[0].get("rule", "unknown")) if row.errors and isinstance(row.errors[0], Mapping) else ""


def _promotion(row: StagedRow, promotion: Promotion, columns: set[str]) -> dict[str, Any]:
    raw = batches.read(row.raw)
    own = {name: value for name, value in raw.items() if name in columns} if isinstance(raw, Mapping) else {}
    values = {**own, **promotion.set}
    key = promotion.key if promotion.key is not None else values.get(promotion.collection.key)
    if key is None:
        raise ProjectError(
            f"row {row.id} has no {promotion.collection.key}, which is the key of its record",
            hint="say it: --key KEY",
        )
    return {"id": row.id, "key": str(key), "values": values}


def _refuse(found: RolledBack, run_id: int, expect: int | None) -> None:
    if found.in_the_way:
        listed = "; ".join(f"{key}: {obstacle}" for key, obstacle in found.in_the_way[:SHOWN])
        more = ", …" if len(found.in_the_way) > SHOWN else ""
        raise ConflictError(
            f"something newer stands on {len(found.in_the_way)} records of batch {run_id}: {listed}{more}",
            hint="what is newer is taken back first: a later batch with wave staging rollback; nothing has changed",
        )
    if not found.rows:
        raise NotFoundError(f"nothing has come of batch {run_id}, or it was rolled back before", hint=LIST_HINT)
    if expect is not None and found.rows != expect:
        raise ConflictError(
            f"{found.rows} rows of batch {run_id} would be rolled back, and {expect} were expected",
            hint="look again: the same command without --yes",
        )


async def _whole(connection: Connection, run_id: int) -> vanishing.Held:
    found = await vanishing.lock(connection, run_id)
    if found is None:
        raise NotFoundError(
            f"the batch of run {run_id} is not whole: no step has said that it has read its source to the end",
            hint=LIST_HINT,
        )
    return found
