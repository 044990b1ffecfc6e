"""The loop that seals: what is committed gets its place in the log, and the log is signed, outside the database too."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from wave_runner.audit import hook
from wave_runner.errors import WaveError
from wave_runner.runner.signer import Signer
from wave_runner.store import log as stored
from wave_runner.store.database import Unavailable
from wave_runner.store.log import LogRefused, Waiting

log = logging.getLogger("wave_runner.runner")

PAUSE_S = 0.25
LONGEST_PAUSE_S = 0.5  # of a runner that idles: what comes then is sealed within a second all the same
SIGN_EVERY_S = 1.0
LAST_S = 15.0  # for what is left when the runner stops
LOST_THE_RACE = "40001"  # somebody else has sealed since our transaction began

READING, SEALING = "reading the checkpoints outside", "sealing"
WRITING, TELLING = "writing the checkpoint outside", "the checkpoint command"


class Sealer:
    """Runs in every runner; the lock of one row sees to it that one of them seals at a time.

    Nothing that goes wrong here ends the runner: the work goes on, and the log says what its trouble is.
    """

    def __init__(
        self, signer: Signer, *, origin: str, source: str, command: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self._signer = signer
        self._database = signer.database
        self._origin = origin
        self._source = source
        self._command = command
        self._environ = environ
        self._begun = False
        self._compared = False
        self._signed_at = -SIGN_EVERY_S
        self._troubles: dict[str, str] = {}
        self._telling: asyncio.Task[None] | None = None
        self._untold = ""  # the newest note that the command has not been given

    async def one_pass(self) -> bool:
        """Seal what has been committed, and sign it once in a while. Returns whether there is more to seal."""
        try:
            return await self._pass(last=False)
        except Unavailable as error:
            if error.sqlstate != LOST_THE_RACE:
                raise
            return False

    async def finish(self) -> None:
        """Seal and sign what is left, for there may be no other runner to do it. Waits for the command once more.

        Of what takes longer than `LAST_S` the rest is another runner's, or the next one's.
        """
        deadline = time.monotonic() + LAST_S
        try:
            while await self._pass(last=True):
                if time.monotonic() > deadline:
                    log.warning("the sealer: more is left than can be waited for; the next runner seals it")
                    break
        except Unavailable as error:
            log.warning("the sealer: the database is away (%s); another runner seals the rest", error)
        if self._telling is not None:
            await self._telling

    async def _pass(self, *, last: bool) -> bool:
        if not self._begun:
            await stored.begin(self._database, self._origin)
            self._begun = True
        found = await stored.waiting(self._database)
        if found.stopped or (not self._compared and not await self._compare()):
            return False
        if not (found.unsealed or found.unsigned):
            return False
        more = found.unsealed and await self._seal()
        if last or time.monotonic() - self._signed_at >= SIGN_EVERY_S:
            await self._sign(found)
        return more

    async def _compare(self) -> bool:
        """Compare with what lies outside, once: what was rolled back is seen before it grows and looks forked."""
        try:
            self._compared = await self._signer.compare()
        except OSError as error:
            await self._trouble(READING, str(error))
            return False
        await self._trouble(READING, "")
        return self._compared

    async def _seal(self) -> bool:
        try:
            sealed = await stored.seal(self._database, source=self._source)
        except LogRefused as error:
            await self._trouble(SEALING, f"the database refuses the next entries: {error}")
            return False
        await self._trouble(SEALING, "")
        return sealed is not None and sealed.more

    async def _sign(self, found: Waiting) -> None:
        self._signed_at = time.monotonic()
        try:
            signed = await self._signer.sign() if self._signer.may_sign(found.public_key) else None
        except (WaveError, OSError) as error:
            await self._trouble(WRITING, str(error))
            return
        if signed is None:
            return
        await self._trouble(WRITING, signed.not_outside)
        if found.trouble and not self._troubles:
            await stored.tell_trouble(self._database, None)  # somebody else's, or an earlier one of ours
        if self._command:
            self._untold = signed.note
            if self._telling is None or self._telling.done():
                self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Give the command the newest note, until it has had it: one at a time, however long each takes."""
        while note := self._untold:
            problem = await hook.tell(self._command, note, environ=self._environ)
            if self._untold == note:
                self._untold = ""
            try:
                await self._trouble(TELLING, problem)
            except Unavailable as error:
                log.warning("the database is away (%s): its log cannot say that %s", error, problem)

    async def _trouble(self, about: str, problem: str) -> None:
        """Say what the trouble is, or that it is over, where every display of the log shows it."""
        before = dict(self._troubles)
        if problem:
            self._troubles[about] = problem
        else:
            self._troubles.pop(about, None)
        if self._troubles != before:
            if problem:
                log.error("%s: %s", about, problem)
            told = "; ".join(f"{about}: {problem}" for about, problem in sorted(self._troubles.items()))
            await stored.tell_trouble(self._database, told or None)
