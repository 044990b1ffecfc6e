"""Whether work can be done at this moment: what is asked before anything is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.reports.backlog import Backlog, backlog
from wave_runner.store import reports as stored
from wave_runner.store.migrate import NEWEST, fits

if TYPE_CHECKING:
    from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that must hold, and what was found."""

    name: str
    ok: bool
    says: str


async def ready(database: Database, *, lease_s: float) -> list[Check]:
    """Return what must hold for work to be done. Raises `DatabaseError` where the database does not answer."""
    async with stored.snapshot(database) as connection:
        found = await stored.readiness(connection, lease_s=lease_s)
        waiting = await backlog(connection)
    version, at_work, runs = found["version"], found["at_work"], found["runs"]
    work = f"{runs} runs have not ended, the oldest for {found['oldest_s']:.0f} s" if runs else "every run has ended"
    return [
        Check(name="database", ok=True, says="it answers"),
        Check(name="schema", ok=fits(version, found["works_since"]), says=f"version {version} of {NEWEST}"),
        Check(name="runners", ok=at_work > 0 or runs == 0, says=f"{at_work} at work; {work}"),
        Check(name="backlog", ok=waiting is None or not waiting.is_stuck, says=_waits(waiting)),
    ]


def _waits(waiting: Backlog | None) -> str:
    if waiting is None:
        return "nothing waits that a runner at work may take up"
    still = f", and nobody has begun anything for {waiting.still_s:.0f} s" if waiting.is_stuck else ""
    return f"work of {waiting.actor} has waited for {waiting.waited_s:.0f} s{still}"
