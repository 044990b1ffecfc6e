"""What an operator may do with the log itself: open a new epoch, and replace the key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from wave_runner.audit.keys import HeldKey, new_key
from wave_runner.core.epoch import next_origin
from wave_runner.core.event import EventType
from wave_runner.core.log_entry import Kind, epoch_opened_entry, key_rotated_entry
from wave_runner.core.sealing import Row
from wave_runner.errors import ConflictError
from wave_runner.runner.signer import Signer
from wave_runner.store import events
from wave_runner.store import log as stored
from wave_runner.store.database import Connection, Unavailable

BOTH_SIGN_US = 7 * 24 * 3600 * 1_000_000
"""How long a key that was replaced goes on signing: who checks has so long to learn of the new one."""
TRIES = 50
BETWEEN_S = 0.1

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LogKeeper:
    """Acts for the person `by`. `origin` is that of the first epoch, of a log that has not begun yet."""

    signer: Signer
    origin: str
    by: str

    async def new_epoch(self, *, reason: str, approved_by: str) -> str:
        """Go on under a new origin, sign it, and return the key that others check it by.

        Raises `ConflictError` where one person is both who wants it and who agrees.
        """
        if approved_by == self.by:
            hint = "somebody else must agree: --approve THEIR-NAME"
            raise ConflictError(f"{self.by} cannot both open an epoch and approve of it", hint=hint)
        await stored.begin(self.signer.database, self.origin)
        key = await _until_free(lambda: self._open_epoch(reason, approved_by))
        await self.signer.sign()
        return key

    async def rotate_key(self) -> tuple[str, str]:
        """Put a new key in the place of the one in force, and return both. Both sign for a while.

        Raises `ConflictError` where the key in force does not lie here, or the log is stopped.
        """
        keys = await _until_free(self._rotate)
        await self.signer.sign()
        return keys

    async def note_verified(self, said: Mapping[str, int | str | None]) -> None:
        """Note in the log that it was verified, with what came of it: an event like any other, sealed with the next."""
        async with self.signer.database.transaction() as connection:
            await events.append(connection, EventType.LOG_VERIFIED, {"by": self.by, **said})

    async def _open_epoch(self, reason: str, approved_by: str) -> str | None:
        signer = self.signer
        outside = await asyncio.to_thread(signer.outside.newest, signer.name)
        last = await stored.newest_checkpoint(signer.database)
        async with signer.database.repeatable() as connection:
            state = await stored.lock(connection)
            if state is None:
                return None
            state = await _as_it_lies(connection, state)
            origin = next_origin(state.origin, outside and outside[0])
            key = (state.public_key and signer.keys.held(state.public_key)) or signer.keys.first_key()
            entry = epoch_opened_entry(
                state.size,
                at_us=(await stored.now(connection)).at_us,
                origin=origin,
                key=str(key.verifier(origin)),
                last_checkpoint=outside[1] if outside else last[1] if last else "",
                reason=reason,
                by=self.by,
                approved_by=approved_by,
            )
            await stored.add(connection, state, Row(state.size, None, None, Kind.ANCHOR, entry))
            await stored.open_epoch(connection, origin=origin, public_key=key.public)
            return str(key.verifier(origin))

    async def _rotate(self) -> tuple[str, str] | None:
        signer = self.signer
        async with signer.database.repeatable() as connection:
            state = await stored.lock(connection)
            if state is None:
                return None
            if state.stopped:
                raise ConflictError(f"the log is stopped: {state.stopped}", hint="wave audit status says why")
            old = state.public_key and signer.keys.held(state.public_key)
            if not old:
                hint = "rotate it where it lies; if it is lost: wave audit new-epoch"
                raise ConflictError(f"the key that signs the log does not lie at {signer.keys.path}", hint=hint)
            new, at = new_key(), await stored.now(connection)
            keys = str(old.verifier(state.origin)), str(new.verifier(state.origin))
            entry = key_rotated_entry(state.size, at_us=at.at_us, old=keys[0], new=keys[1])
            try:
                await stored.add(connection, state, Row(state.size, None, None, Kind.ANCHOR, entry))
            except stored.LogRefused as error:
                raise ConflictError(str(error), hint="find out who changed it; then wave audit new-epoch") from error
            await stored.set_key(connection, new.public)
            # Before the COMMIT: a log whose key nobody has could not be signed any more.
            signer.keys.put([HeldKey(key=new), HeldKey(key=old, until_us=at.at_us + BOTH_SIGN_US)])
            return keys


async def _as_it_lies(connection: Connection, state: stored.State) -> stored.State:
    """An epoch goes on from the entries that there are: it is also the way out where `log_state` was damaged."""
    try:
        return await stored.as_it_lies(connection, state)
    except stored.LogRefused as error:
        hint = "put back what is missing, from a backup or a bundle of the whole log"
        raise ConflictError(f"no epoch can be opened: {error}", hint=hint) from error


async def _until_free(act: Callable[[], Awaitable[T | None]]) -> T:
    """Do something as soon as no runner has the log."""
    for _ in range(TRIES):
        try:
            done = await act()
        except Unavailable as error:
            if not error.sqlstate.startswith("40"):
                raise
            done = None
        if done is not None:
            return done
        await asyncio.sleep(BETWEEN_S)
    raise ConflictError("others have the log all the time", hint="wave audit status says what they do; try again")
