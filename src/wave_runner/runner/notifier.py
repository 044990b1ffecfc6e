"""The loop that tells a receiver outside of alerts: what is raised, and what is settled, each at least once.

Nothing here can delay or break work: the receiver has a few seconds for each attempt, on a connection that no work
waits for, and a runner that stops gives up the attempt under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from wave_runner.core.notice import RAISED, SETTLED, Alert, body, pause_s
from wave_runner.runner.webhook import NotTaken, Receiver, post
from wave_runner.store import notices
from wave_runner.store.database import Connection, Database
from wave_runner.store.notices import Claimed

log = logging.getLogger("wave_runner.runner")

LOOK_S = 10.0
SPARE_S = 20.0  # beyond the time of an attempt: for the database to hear of it

Standing = Callable[[Connection], Awaitable[Sequence[Alert]]]


@dataclass(frozen=True, kw_only=True)
class Telling:
    """To whom a project's alerts are told, as which project, and how to find those that stand."""

    receiver: Receiver
    project_id: str
    project_name: str
    standing: Standing


class Notifier:
    """Runs in every runner that knows a receiver; rows see to it that they do not tell the same twice."""

    def __init__(self, database: Database, telling: Telling, *, runner_id: UUID) -> None:
        self._database = database
        self._telling = telling
        self._runner_id = runner_id
        self._begun = False
        self._stopping = asyncio.Event()
        self._attempt: asyncio.Task[None] | None = None

    async def one_pass(self) -> bool:
        """Look which alerts stand, if nobody has lately, and send one notice. True if one was due: more may be."""
        if not self._begun:
            await notices.begin(self._database)
            self._begun = True
        async with self._database.transaction() as connection:
            if await notices.may_look(connection, every_s=LOOK_S):
                await notices.compare(connection, await self._telling.standing(connection))
        one = await notices.claim(self._database, hold_s=self._telling.receiver.timeout_s + SPARE_S)
        if one is None:
            return False
        await self._send(one)
        return True

    def stop(self) -> None:
        """Give up the attempt under way: another runner makes it anew."""
        self._stopping.set()
        if self._attempt is not None:
            self._attempt.cancel()

    async def _send(self, one: Claimed) -> None:
        if self._stopping.is_set():
            return  # nobody hears of it until the time is over that it was taken for
        telling = self._telling
        self._attempt = asyncio.create_task(post(telling.receiver, str(one.notice_id), said(one, telling)))
        try:
            await self._attempt
        except NotTaken as error:
            await self._put_off(one, str(error))
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
            await self._put_off(one, "the runner that sent it was stopped")
        else:
            await notices.note_sent(self._database, one, runner_id=self._runner_id)
        finally:
            self._attempt = None

    async def _put_off(self, one: Claimed, trouble: str) -> None:
        host = self._telling.receiver.host
        later_s = pause_s(one.attempts, age_s=one.age_s)
        if later_s is not None:
            log.warning("%s has not taken the notice of %s: %s; again in %g s", host, one.kind, trouble, later_s)
            await notices.put_off(self._database, one, trouble, pause_s=later_s)
        elif await notices.give_up(self._database, one, trouble, runner_id=self._runner_id):
            log.error("%s has not taken the notice of %s for a day: %s; it is given up", host, one.kind, trouble)


def said(one: Claimed, telling: Telling) -> bytes:
    """Return what a notice says: names of the project and numbers, and no text of a record."""
    return body(
        {
            "id": str(one.notice_id),
            "type": RAISED if one.settles is None else SETTLED,
            "settles": None if one.settles is None else str(one.settles),
            "at": _moment(one.made_at),
            "project_id": telling.project_id,
            "project": telling.project_name,
            "kind": one.kind,
            "subject": one.subject,
            "since": _moment(one.since),
            "message": one.message,
        }
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
