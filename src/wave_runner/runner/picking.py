"""Picking: a person gives an order about exactly the interactions that they have picked from a list."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wave_runner.core.marks import mark_of
from wave_runner.core.picks import Order
from wave_runner.errors import ConflictError, NotFoundError, ProjectError
from wave_runner.runner.steps import Steps
from wave_runner.store import picks, reruns
from wave_runner.store.database import Connection, Database
from wave_runner.store.picks import Pick, PickPart

AGAIN = "pick them anew from the list, and look again"
GIVEN = "given"


@dataclass(frozen=True, kw_only=True)
class Picked:
    """What was picked from a list of a run, and until when an order can be given about it."""

    pick_id: int
    run_id: int
    total: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class PickPreview:
    """What an order would do: of `total` that are picked, it can be about `may`. `left` is about the others, and why.

    `mark` names exactly those.
    """

    pick_id: int
    run_id: int
    total: int
    may: int
    parts: list[PickPart]
    left: list[PickPart]
    mark: str


@dataclass(frozen=True, kw_only=True)
class Results:
    """Results of one step that are picked and have not changed since; `total` counts those that have, too."""

    pick_id: int
    run_id: int
    workflow: str
    step: str
    total: int
    ids: frozenset[int]


@dataclass(kw_only=True)
class Picking:
    """Picks of one person. Raises `NotFoundError` for one that is not theirs, `ConflictError` for one that is over."""

    database: Database
    steps: Steps
    by: str

    async def pick(self, run_id: int, like: Mapping[str, Any], *, ids: Sequence[int] | None = None) -> Picked:
        """Pick what is like that (`reports/interactions.py`), or of it those with these ids.

        Raises `ProjectError` for more than anybody looks through, and for ids that are not in the run.
        """
        given = {**like, "by": GIVEN} if ids is not None else like
        async with self.database.transaction() as connection:
            made = await picks.make(connection, run_id, given, ids=list(ids or ()), person=self.by)
            if made.total > picks.MOST:
                raise ProjectError(
                    f"more than {picks.MOST:,} interactions are like that",
                    hint="narrow the list; of a whole run: wave retry run, wave cancel run",
                )
            if ids is not None and made.total != len(set(ids)):
                raise NotFoundError(
                    f"{made.total} of these {len(set(ids))} interactions are in run {run_id} and like that", hint=AGAIN
                )
        return Picked(run_id=run_id, **vars(made))

    async def preview(self, pick_id: int, order: Order) -> PickPreview:
        """Return what an order would do, changing nothing."""
        async with self.database.snapshot() as connection:
            return await self._preview(connection, await self._to_order(connection, pick_id), order)

    async def order(self, pick_id: int, order: Order, *, reason: str, expect: str) -> int:
        """Carry an order out about what can be; returns about how many it was.

        Raises `ConflictError` where these are not those that the mark `expect` names; then nothing has changed. What
        changes after that, before its chunk comes, is left alone. Each chunk stands by itself: an order that was broken
        off is gone on with by being given once more.
        """
        while True:
            async with self.database.transaction() as connection:
                pick = await self._mine(connection, pick_id, lock=True)
                if pick.kind is None:
                    pick = await self._begin(connection, pick, order, reason=reason, expect=expect)
                elif pick.kind is not order:
                    raise _ordered_already(pick)
                done = await picks.carry_out(connection, pick, by=self.by, run_flow=self.steps.run_flow)
            if done is None:
                return pick.done

    async def results(self, pick_id: int) -> Results:
        """Return what is picked as a rerun takes it. Raises `ProjectError` where it is of more than one step."""
        async with self.database.snapshot() as connection:
            pick = await self._to_order(connection, pick_id)
            found = await picks.results(connection, pick)
            total = await picks.size(connection, pick)
        if len(found) > 1:
            raise ProjectError(
                f"these are of {len(found)} steps: {', '.join(found)}; a rerun begins at one",
                hint="narrow the list by its step",
            )
        if not found:
            raise ConflictError(f"nothing of pick {pick_id} is as it was picked", hint=AGAIN)
        [(step, ids)] = found.items()
        return Results(pick_id=pick_id, run_id=pick.run_id, workflow=pick.workflow, step=step, total=total, ids=ids)

    async def _begin(
        self,
        connection: Connection,
        pick: Pick,
        order: Order,
        *,
        reason: str,
        expect: str,
        answer_sha256: bytes | None = None,
    ) -> Pick:
        """Note the order, where it is about what was looked at. The run's lock comes before anything is asked of it."""
        _must_not_have_expired(pick)
        await reruns.lock(connection, pick.run_id)
        found = await self._preview(connection, pick, order)
        if found.mark != expect:
            raise ConflictError(
                f"{found.may} of the {found.total} that are picked can be {_PAST[order]}, and they are not those that "
                "were looked at",
                hint="look again",
            )
        if not found.may:
            raise ConflictError(f"nothing of pick {pick.pick_id} can be {_PAST[order]}", hint=AGAIN)
        nonce = os.urandom(32)
        await picks.order(connection, pick, order, reason=reason, nonce=nonce, answer_sha256=answer_sha256)
        return await self._mine(connection, pick.pick_id)

    async def _preview(self, connection: Connection, pick: Pick, order: Order) -> PickPreview:
        found = await picks.look(connection, pick, order)
        parts, left = [one for one in found if one.why is None], [one for one in found if one.why is not None]
        return PickPreview(
            pick_id=pick.pick_id,
            run_id=pick.run_id,
            total=sum(one.n for one in found),
            may=sum(one.n for one in parts),
            parts=parts,
            left=left,
            mark=mark_of(parts, order=f"{order} {pick.pick_id}"),
        )

    async def _to_order(self, connection: Connection, pick_id: int) -> Pick:
        """Return a pick about which an order can be given."""
        pick = await self._mine(connection, pick_id)
        if pick.kind is not None:
            raise _ordered_already(pick)
        _must_not_have_expired(pick)
        return pick

    async def _mine(self, connection: Connection, pick_id: int, *, lock: bool = False) -> Pick:
        pick = await picks.find(connection, pick_id, person=self.by, lock=lock)
        if pick is None:
            raise NotFoundError(f"{self.by} has no pick {pick_id}: it has expired, or was never made", hint=AGAIN)
        return pick


_PAST = {Order.RETRY: "tried again", Order.CANCEL: "cancelled", Order.DECIDE: "decided together"}


def _ordered_already(pick: Pick) -> ConflictError:
    assert pick.kind is not None
    return ConflictError(f"pick {pick.pick_id} was ordered to be {_PAST[pick.kind]} already", hint=AGAIN)


def _must_not_have_expired(pick: Pick) -> None:
    if pick.expired:
        raise ConflictError(f"pick {pick.pick_id} has expired: it was made long ago", hint=AGAIN)
