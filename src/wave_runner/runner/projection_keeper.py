"""What an operator may do with a projection: fold it anew, compare, let what was folded anew be read, skip an event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from wave_runner.core.event import EventType
from wave_runner.core.projection import Projection
from wave_runner.errors import ConflictError, NotFoundError
from wave_runner.store import events
from wave_runner.store import projections as stored
from wave_runner.store.database import Connection, Database, Row, Unavailable
from wave_runner.store.projections import Copy, Step, code_sha256

TRIES = 100
BETWEEN_S = 0.1
LONGEST_S = 3600.0  # that a comparison of two copies may take
SHOWN = 5

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A row of a projection that is not what the log makes of it; "" where the one or the other has none."""

    run_id: int
    flow: str
    stands: str
    folded: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is read, against the same folded anew from the first event on, at one and the same position of the log.

    `is_same` is None where the two are not made by the same fold, and need not be the same. `digest` is of what was
    folded anew, in hex; `differences` are the first ones.
    """

    name: str
    version: int
    position: int
    rows: int
    digest: str
    is_same: bool | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, kw_only=True)
class ProjectionKeeper:
    """Acts for the person `by`; "" for a runner whose fold is newer than what is read."""

    database: Database
    projection: Projection
    by: str = ""

    async def verify(self) -> Comparison:
        """Fold anew beside what is read, compare, and say so in the log. What is read stays.

        Raises `ConflictError` where this program's fold is another one, or the log can no longer be folded.
        """
        live = await self._live()
        if not stored.is_of(live, self.projection):
            raise ConflictError(
                f"the projection {self.projection.name} is of version {live.version} of a fold that this Wave Runner "
                f"does not have (it has version {self.projection.version})",
                hint=f"verify it with the version that folds it, or: wave projection rebuild {self.projection.name}",
            )
        return await self._build(self._compare)

    async def rebuild(self) -> Comparison:
        """Fold anew beside what is read, compare, and let it be read from then on: one COMMIT, and nobody waits.

        Raises `ConflictError` where what is read is of a newer fold, or the log can no longer be folded.
        """
        live = await self._live()
        if live.version > self.projection.version:
            raise ConflictError(
                f"the projection {self.projection.name} is of version {live.version}; this Wave Runner folds version "
                f"{self.projection.version}",
                hint="rebuild it with the newer one",
            )
        return await self._build(self._replace)

    async def skip(self, log_index: int) -> None:
        """Let the projection leave out the event at an index of the log, in all copies of it, now and later.

        Raises `ConflictError` unless it is stuck at exactly that one: nothing else may be left out.
        """
        found = await stored.copies(self.database)
        stuck = [one for one in found if one.name == self.projection.name and one.stuck_because]
        if log_index not in (one.position for one in stuck):
            raise ConflictError(
                f"the projection {self.projection.name} is not stuck at entry {log_index} of the log",
                hint="only what keeps it from going on can be skipped: wave projection status",
            )
        async with self.database.transaction() as connection:
            data = {"projection": self.projection.name, "index": log_index, "by": self.by}
            await events.append(connection, EventType.PROJECTION_EVENT_SKIPPED, data)
        for one in stuck:
            await stored.advance(self.database, self.projection, one.projection_id)

    async def prepare(self, building: Copy | None) -> bool:
        """Let there be an empty copy to build, in the place of one that was begun by another fold. Gives True."""
        if building is not None:
            async with self.database.transaction() as connection:
                await stored.retire(connection, building.projection_id)
        await stored.begin(self.database, self.projection, "building")
        return True

    async def replace(self, *, caught_up: int) -> Comparison | None:
        """Let the copy that has been built beside be read, if it has folded so many entries; None if it is not yet.

        Raises `ConflictError` where it gets stuck on its way to where the other one is.
        """
        building = await self._copy("building")
        if building is None or building.position < caught_up:
            return None
        async with self.database.transaction() as connection:
            found = await self._replace(connection)
        while await stored.clear(self.database):
            pass
        return found

    async def _live(self) -> Copy:
        found = await self._copy("live")
        if found is None:
            await stored.begin(self.database, self.projection, "live")
            found = await self._copy("live")
        if found is None:
            raise NotFoundError(f"there is no projection {self.projection.name}")
        return found

    async def _copy(self, state: str) -> Copy | None:
        found = await stored.copies(self.database)
        return next((one for one in found if (one.name, one.state) == (self.projection.name, state)), None)

    async def _build(self, conclude: Callable[[Connection], Awaitable[Comparison | None]]) -> Comparison:
        """Fold a copy up to where the one that is read stands, then conclude while both stand still."""
        await self._go_on()
        building = await self._copy("building")
        if building is None or not stored.is_of(building, self.projection):
            await self.prepare(building)
        while await self._catch_up():
            pass
        found = await _until_free(self.database, conclude)
        while await stored.clear(self.database):
            pass
        return found

    async def _go_on(self) -> None:
        """Fold what is sealed by now into what is read, as a runner does: there may be none at work."""
        live = await self._live()
        while live.behind and stored.is_of(live, self.projection):
            step = await stored.advance(self.database, self.projection, live.projection_id, before=live.size)
            if step is None or step.stuck_because or step.position >= live.size:
                return

    async def _catch_up(self) -> bool:
        """Fold the next entries that what is read has folded; say whether there are more."""
        live, building = await self._live(), await self._copy("building")
        if building is None or building.position >= live.position:
            return False
        step = await stored.advance(self.database, self.projection, building.projection_id, before=live.position)
        if step is None:
            await asyncio.sleep(BETWEEN_S)  # somebody else is at it
            return True
        return self._came(step) < live.position

    async def _compare(self, connection: Connection) -> Comparison | None:
        found = await self._meet(connection)
        if found is None:
            return None
        compared, live_id, building_id = found
        await stored.retire(connection, building_id)
        await stored.verified(connection, live_id, bytes.fromhex(compared.digest), diverged=not compared.is_same)
        return compared

    async def _replace(self, connection: Connection) -> Comparison | None:
        found = await self._meet(connection)
        if found is None:
            return None
        compared, _, building_id = found
        await self._tell(connection, EventType.PROJECTION_REBUILT, compared)
        await stored.swap(connection, self.projection, building_id)
        await stored.verified(connection, building_id, bytes.fromhex(compared.digest), diverged=False)
        await self._tell(connection, EventType.PROJECTION_SWAPPED, compared)
        return compared

    async def _meet(self, connection: Connection) -> tuple[Comparison, int, int] | None:
        """Hold both copies, bring the one to where the other stands, compare, and tell. None if they are not free."""
        connection.allow(LONGEST_S)
        both = await stored.lock_both(connection, self.projection)
        if both is None:
            return None
        live, building = both
        position = building["position"]
        while position < live["position"]:
            step = await stored.advance_in(
                connection, self.projection, building["projection_id"], before=live["position"]
            )
            if step is None:
                return None
            position = self._came(step)
        compared = await self._compared(connection, live, building["projection_id"], position)
        if compared.is_same is not None:
            same = EventType.PROJECTION_VERIFIED if compared.is_same else EventType.PROJECTION_DIVERGED
            await self._tell(connection, same, compared)
        return compared, live["projection_id"], building["projection_id"]

    async def _compared(self, connection: Connection, live: Row, beside: int, position: int) -> Comparison:
        anew = await stored.digest(connection, beside)
        is_same: bool | None = None
        apart: list[Row] = []
        if (live["version"], bytes(live["code_sha256"])) == (self.projection.version, code_sha256(self.projection)):
            is_same = await stored.digest(connection, live["projection_id"]) == anew
        if is_same is False:
            apart = await stored.differences(connection, live["projection_id"], beside, shown=SHOWN)
        return Comparison(
            name=self.projection.name,
            version=self.projection.version,
            position=position,
            rows=anew.rows,
            digest=anew.sha256.hex(),
            is_same=is_same,
            differences=tuple(Difference(**_texts(row)) for row in apart),
        )

    async def _tell(self, connection: Connection, type: EventType, compared: Comparison) -> None:
        data: Row = {
            "projection": compared.name,
            "version": compared.version,
            "position": compared.position,
            "rows": compared.rows,
            "digest": compared.digest,
        }
        if self.by:
            data["by"] = self.by
        await events.append(connection, type, data)

    def _came(self, step: Step) -> int:
        """Return where a fold anew has come to. What was folded once and cannot be again is no longer what it was."""
        if step.folded and not step.stuck_because:
            return step.position
        because = step.stuck_because or f"the log has no entry {step.position}"
        raise ConflictError(
            f"the projection {self.projection.name} cannot be folded anew: {because}",
            hint="wave audit verify says whether the log is what it was",
        )


def _texts(row: Row) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in row.items()}


async def _until_free(database: Database, act: Callable[[Connection], Awaitable[T | None]]) -> T:
    """Do something in a transaction as soon as no runner has the rows."""
    for _ in range(TRIES):
        try:
            async with database.transaction() as connection:
                done = await act(connection)
        except Unavailable as error:
            if not error.sqlstate.startswith("40"):
                raise
            done = None
        if done is not None:
            return done
        await asyncio.sleep(BETWEEN_S)
    raise ConflictError("others fold it all the time, or have built it first", hint="wave projection status")
