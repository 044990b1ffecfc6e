"""What a run changed: its target tables before and after, and for each saving step what was executed and what saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.core.pinned import read_step
from wave_runner.errors import NotFoundError
from wave_runner.reports.gone import must_be_there
from wave_runner.store import reports as stored
from wave_runner.store import run_details

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database
    from wave_runner.store.run_details import Written


@dataclass(frozen=True, kw_only=True)
class Target:
    """One table (column "*": its rows) or the values of one of its columns. None: it was not counted in time.

    `written` are the records of which this run wrote it; where the difference is another, somebody else wrote too.
    """

    table: str
    column: str
    before: int | None
    after: int | None
    change: int | None
    written: int


@dataclass(frozen=True, kw_only=True)
class Saver:
    """A step that may write: how many of its interactions completed, and how many of those wrote a value."""

    step: str
    executed: int
    saved: int


@dataclass(frozen=True, kw_only=True)
class Delta:
    """The whole report. `executed` are the records that the run had, `saved` those for which it wrote one.

    Of a large run that is under way what it has executed, saved and written is as it was counted at `counted_at`; None:
    it is of now.
    """

    run_id: int
    workflow: str
    state: str
    reason: str | None
    counted_at: datetime | None
    executed: int
    saved: int
    targets: list[Target]
    savers: list[Saver]


async def delta(database: Database, run_id: int | None = None, *, now: bool = False) -> Delta:
    """Return what a run changed, the newest one by default. Raises `NotFoundError` if there is no such run.

    With `now` what a large run that is under way has written is counted, however long that takes.
    """
    async with stored.snapshot(database) as connection:
        chosen = run_id if run_id is not None else await stored.newest_run(connection)
        row = await stored.run(connection, chosen) if chosen is not None else None
        if row is None or chosen is None:
            raise NotFoundError(f"there is no run {chosen}" if chosen else "there is no run yet", hint="wave status")
        await must_be_there(connection, chosen)
        written, counted_at = await run_details.written(connection, chosen, now=now)
        return Delta(
            run_id=chosen,
            workflow=row["workflow"],
            state=row["state"],
            reason=row["reason"],
            counted_at=counted_at,
            executed=written.executed,
            saved=written.saved,
            targets=await _targets(connection, chosen, written),
            savers=await _savers(connection, chosen, written),
        )


async def _targets(connection: Connection, run_id: int, written: Written) -> list[Target]:
    records = {(row["table_name"], row["column_name"]): row["n"] for row in written.columns}
    return [
        Target(
            table=row["table_name"],
            column=row["column_name"],
            before=row["at_start"],
            after=row["at_end"],
            change=None if None in (row["at_start"], row["at_end"]) else row["at_end"] - row["at_start"],
            written=records.get((row["table_name"], row["column_name"]), 0),
        )
        for row in await stored.delta(connection, run_id)
    ]


async def _savers(connection: Connection, run_id: int, written: Written) -> list[Saver]:
    steps = [read_step(body).step for body in await stored.run_definition(connection, run_id)]
    may_write = {step.name for step in steps if step.writes}
    return [Saver(**row) for row in written.steps if row["step"] in may_write]
