"""Signs what the log has come to, where it is still the log that the checkpoints outside the database speak of."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from wave_runner.audit.keys import KeyFile
from wave_runner.audit.outside import Outside
from wave_runner.core.epoch import Broken, epoch_of, is_ahead
from wave_runner.core.note import Checkpoint, signed
from wave_runner.store import log as stored
from wave_runner.store.database import Connection, Database
from wave_runner.store.log import State

log = logging.getLogger("wave_runner.runner")


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What came of signing: the note, and why it could not be written outside; "" where it was."""

    note: str
    not_outside: str


@dataclass(frozen=True, kw_only=True)
class Signer:
    """The log of one project (`name`, without an epoch), its keys, and its checkpoints outside."""

    database: Database
    name: str
    keys: KeyFile
    outside: Outside

    async def compare(self) -> bool:
        """Hold the database against the checkpoints outside, and stop the log where they differ.

        Returns False where somebody else has the log at this moment, and nothing was looked at.
        """
        async with self.database.repeatable() as connection:
            state = await stored.lock(connection)
            if state is not None and not state.stopped:
                await self._compared(connection, state)
            return state is not None

    async def sign(self) -> Signed | None:
        """Sign the log as it has been committed; None where there is nothing new, or it is not ours to sign.

        Raises `SettingsError` where the file of keys cannot be used.
        """
        async with self.database.repeatable() as connection:
            state = await stored.lock(connection)
            if state is None or state.stopped or state.size == state.signed_size:
                return None
            if not await self._compared(connection, state):
                return None
            at = await stored.now(connection)
            public = state.public_key or await self._first_key(connection)
            signers = self.keys.signers(public, at_us=at.at_us)
            if not signers:
                return None
            checkpoint = Checkpoint(origin=state.origin, size=state.size, root=state.frontier.root())
            note = await asyncio.to_thread(signed, checkpoint.text, signers, state.origin)
            await stored.add_checkpoint(connection, state.size, note)
            # Before the COMMIT, so that no other note comes in between. What is signed was committed long since.
            return Signed(note=note, not_outside=await self._write(note, at.day))

    def may_sign(self, public_key: bytes | None) -> bool:
        """Say whether the key of the log lies here; of a log that has none yet, the first one will."""
        return public_key is None or self.keys.held(public_key) is not None

    async def _first_key(self, connection: Connection) -> bytes:
        public = self.keys.first_key().public
        await stored.set_key(connection, public)
        return public

    async def _write(self, note: str, day: str) -> str:
        try:
            await asyncio.to_thread(self.outside.append, note, day=day)
        except OSError as error:
            return str(error)
        return ""

    async def _compared(self, connection: Connection, state: State) -> bool:
        """Say whether the log may be signed; where it may not, it is stopped from here on."""
        newest = await asyncio.to_thread(self.outside.newest, self.name)
        if newest is None:
            return True
        found = await _differs(connection, state, newest[0])
        if found is None:
            return True
        broken, because = found
        log.error("the log is stopped: %s: %s", broken, because)
        await stored.stop(connection, broken, because)
        return False


async def _differs(connection: Connection, state: State, outside: Checkpoint) -> tuple[Broken, str] | None:
    said = f"{outside.origin} had {outside.size} entries"
    if is_ahead(outside, origin=state.origin, size=state.size):
        return Broken.ROLLED_BACK, f"a checkpoint outside says that {said}; the database has {state.size}"
    if epoch_of(outside.origin) != epoch_of(state.origin):
        return None  # of an epoch that is over
    try:
        root = await stored.root_at(connection, outside.size)
    except ValueError as error:
        return Broken.FORKED, f"a checkpoint outside says that {said}; some of them are gone ({error})"
    if root != outside.root:
        return Broken.FORKED, f"a checkpoint outside says that {said}; those of the database are others"
    return None
