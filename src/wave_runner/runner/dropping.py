"""What people say of old months: that their history is dropped, and that they agree to that.

One person asks and another one agrees. Then events name what is to go, and only when the signed log says so the
partitions are dropped, each range in one transaction. Killed in between, the same order goes on.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from wave_runner.core.erasure import same_person
from wave_runner.core.event import EventType, commitment
from wave_runner.errors import ConflictError
from wave_runner.store import drops, events
from wave_runner.store.database import Connection, Database
from wave_runner.store.drops import Due, Range, Reason, Request

PATIENCE_S = 60.0
"""So long it tries for a moment in which nobody is at work in the partitions of a range."""
PAUSE_S = 0.5

WHY = {
    "not_ended": ("{n} runs have not ended, run {first} among them", "end it: wave cancel run {first}"),
    "not_judged": ("{n} records have no verdict yet, in run {first} among others", "a runner judges them: wave runner"),
    "held": ("a hold is on {n} of its records, {first} among them", "when they may: wave audit holds"),
    "not_signed": ("{n} of its events are not in the signed log", "a runner seals and signs them: wave audit status"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would be dropped, and what is in the way. `asked` is the request that is open.

    `due` is what two people have ordered already and is there still.
    """

    before: date | None
    ranges: Sequence[Range]
    reasons: Sequence[str]
    asked: Request | None
    due: Sequence[Due]


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A range that has gone: so many rows of each kind."""

    first_run: int
    last_run: int
    month: date
    rows: dict[str, int]


@dataclass(kw_only=True)
class Dropping:
    """Acts for the person `by`; `seal` seals and signs the log, as far as that can be done here."""

    database: Database
    seal: Callable[[], Awaitable[None]]
    by: str

    async def preview(self, before: date | None) -> Preview:
        """Return what would go of the months that began before one, changing nothing; None: as was asked for."""
        async with self.database.snapshot() as connection:
            asked = await drops.open_request(connection)
            before = before or (asked.before if asked else None)
            found = await drops.ranges(connection, before) if before else []
            found = [one for one in found if not one.ordered]
            reasons = await drops.reasons(connection, [one.first_run for one in found])
            return Preview(
                before=before,
                ranges=found,
                reasons=[" · ".join(_told(one, found)) for one in reasons],
                asked=asked,
                due=await drops.due(connection),
            )

    async def request(self, before: date, *, basis: str) -> None:
        """Ask for old months to be dropped; somebody else must agree.

        Raises `ConflictError` where that is asked already, a month is not over, or nothing is there to be dropped.
        """
        async with self.database.transaction() as connection:
            if before > await drops.this_month(connection):
                raise ConflictError(f"the months before {before:%Y-%m} are not over", hint="name an earlier one")
            if not await drops.ranges(connection, before):
                raise _nothing(before)
            nonce = os.urandom(32)
            drop_id = await drops.request(connection, before, basis=basis, nonce=nonce, by=self.by)
            if drop_id is None:
                asked = await drops.open_request(connection)
                by, what = (asked.requested_by, f"{asked.before:%Y-%m}") if asked else ("somebody", "some month")
                message = f"{by} has asked already for the months before {what} to be dropped"
                raise ConflictError(message, hint="somebody else agrees: wave audit drop --approve")
            data = {"by": self.by, "basis": commitment(nonce, basis.encode()), "before": f"{before:%Y-%m}"}
            await events.append(connection, EventType.DROP_REQUESTED, data, correlation_id=drop_id)

    async def withdraw(self) -> None:
        """Take the request back. Raises `ConflictError` where none is open."""
        async with self.database.transaction() as connection:
            drop_id = await drops.withdraw(connection)
            if drop_id is None:
                raise _nobody_asks()
            await events.append(connection, EventType.DROP_WITHDRAWN, {"by": self.by}, correlation_id=drop_id)

    async def approve(self, before: date | None) -> list[Dropped]:
        """Agree to the request and drop what it is about; where that was ordered before, go on with it.

        Raises `ConflictError` where nobody has asked, who has asked agrees, another month was asked for, something
        of it is needed still, the order cannot be signed here, or nobody lets go of the partitions.
        """
        if not await self._order(before):
            raise _nobody_asks()
        await self.seal()
        done = []
        async with self.database.snapshot() as connection:
            due = await drops.due(connection)
        for one in due:
            if (rows := await self._drop(one)) is not None:
                last_run = one.following - 1
                done.append(Dropped(first_run=one.first_run, last_run=last_run, month=one.month, rows=rows))
        return done

    async def _order(self, before: date | None) -> bool:
        """Say in the log what goes. False where nothing was asked for, and nothing is left of an earlier order."""
        async with self.database.transaction() as connection:
            await drops.lock(connection)
            asked = await drops.open_request(connection)
            if asked is None:
                return bool(await drops.due(connection))
            self._check(asked, before)
            found = [one for one in await drops.ranges(connection, asked.before) if not one.ordered]
            if not found:
                raise _nothing(asked.before)
            await drops.close(connection, [one.first_run for one in found])
            _refuse(await drops.reasons(connection, [one.first_run for one in found]), found)
            data: dict[str, Any] = {
                "drop": str(asked.drop_id),
                "requested_by": asked.requested_by,
                "approved_by": self.by,
                "basis": commitment(asked.basis_nonce, asked.basis.encode()),
            }
            await drops.order(connection, asked, found, by=self.by, data=data)
        return True

    def _check(self, asked: Request, before: date | None) -> None:
        if same_person(asked.requested_by, self.by):
            raise ConflictError(
                f"{self.by} has asked for it, and cannot agree to it as well",
                hint="somebody else must agree: wave audit drop --approve --as THEIR-NAME",
            )
        if before not in (None, asked.before):
            raise ConflictError(
                f"{asked.requested_by} has asked for the months before {asked.before:%Y-%m}, not {before:%Y-%m}",
                hint=f"agree to that: wave audit drop --before {asked.before:%Y-%m} --approve",
            )

    async def _drop(self, one: Due) -> dict[str, int] | None:
        if not one.signed:
            raise ConflictError(
                "the signed log does not say yet what goes, so it stays",
                hint="a runner signs it, or who has the key: wave audit status; then again: wave audit drop --approve",
            )
        # By itself: who asks a model waits for nobody while the partitions are waited for.
        async with self.database.transaction() as connection:
            await drops.forget_answers(connection, one)
        async with self.database.transaction() as connection:
            rows = await drops.prepare(connection, one)
            if rows is None:
                return None
            # A hold may have been placed since it was ordered.
            _refuse(await drops.reasons(connection, [one.first_run]), [])
            await self._when_free(connection, one)
            await drops.note_dropped(connection, one, rows)
        await self.seal()
        return rows

    async def _when_free(self, connection: Connection, one: Due) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not await drops.drop(connection, one):
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"somebody is at work in the tables of history all the time: the runs from {one.first_run} on stay",
                    hint="a long query or a backup holds them; when it has ended, again: wave audit drop --approve",
                )
            await asyncio.sleep(PAUSE_S)


def _refuse(reasons: Sequence[Reason], of: Sequence[Range]) -> None:
    if reasons:
        message, hint = _told(reasons[0], of)
        more = f" ({len(reasons) - 1} more reasons: wave audit drop)" if len(reasons) > 1 else ""
        raise ConflictError(message + more, hint=hint)


def _told(reason: Reason, of: Sequence[Range]) -> tuple[str, str]:
    """Return a reason for people, and what to do about it."""
    month = next((f"{one.month:%Y-%m}" for one in of if one.first_run == reason.first_run), None)
    message, hint = (one.format(n=reason.n, first=reason.first) for one in WHY[reason.why])
    return f"{month or f'the runs from {reason.first_run} on'}: {message}", hint


def _nothing(before: date) -> ConflictError:
    return ConflictError(
        f"there is nothing to drop of the months before {before:%Y-%m}",
        hint="the newest range of runs always stays, and what has gone is gone: wave audit drops",
    )


def _nobody_asks() -> ConflictError:
    return ConflictError(
        "nobody has asked for old months to be dropped", hint="first: wave audit drop --before MONTH --basis TEXT"
    )
