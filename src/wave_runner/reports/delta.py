"""What a run changed: its target tables before and after, and for each saving step what was executed and what saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.core.pinned import read_step
from wave_runner.errors import NotFoundError
from wave_runner.reports.gone import must_be_there
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection, Database


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
    """The whole report. `executed` are the records that the run had, `saved` those for which it wrote one."""

    run_id: int
    workflow: str
    state: str
    reason: str | None
    executed: int
    saved: int
    targets: list[Target]
    savers: list[Saver]


async def delta(database: Database, run_id: int | None = None) -> Delta:
    """Return what a run changed, the newest one by default. Raises `NotFoundError` if there is no such run."""
    async with stored.snapshot(database) as connection:
        chosen = run_id if run_id is not None else await stored.newest_run(connection)
        row = await stored.overall(connection, chosen) if chosen is not None else None
        if row is None or chosen is None:
            raise NotFoundError(f"there is no run {chosen}" if chosen else "there is no run yet", hint="wave status")
        await must_be_there(connection, chosen)
        return Delta(
            run_id=chosen,
            workflow=row["workflow"],
            state=row["state"],
            reason=row["reason"],
            **await stored.saved_records(connection, chosen),
            targets=await _targets(connection, chosen),
            savers=await _savers(connection, chosen),
        )


async def _targets(connection: Connection, run_id: int) -> list[Target]:
    return [
        Target(
            table=row["table_name"],
            column=row["column_name"],
            before=row["at_start"],
            after=row["at_end"],
            change=None if None in (row["at_start"], row["at_end"]) else row["at_end"] - row["at_start"],
            written=row["written"],
        )
        for row in await stored.delta(connection, run_id)
    ]


async def _savers(connection: Connection, run_id: int) -> list[Saver]:
    steps = [read_step(body).step for body in await stored.run_definition(connection, run_id)]
    rows = await stored.saved(connection, run_id, [step.name for step in steps if step.writes])
    return [Saver(step=row["step"], executed=row["executed"], saved=row["saved"]) for row in rows]
