"""What has changed since one looked last, so that whoever shows it can read it anew."""

from __future__ import annotations

from dataclasses import dataclass

from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Change:
    """The runs that something has happened to, and the kinds of events: `interaction`, `run`, `task` and so on."""

    runs: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.kinds)

    def __or__(self, other: Change) -> Change:
        return Change(runs=self.runs | other.runs, kinds=self.kinds | other.kinds)


async def now(database: Database) -> str:
    """Return what is seen at this moment, for `since`."""
    [row] = await database.fetch("changes/now")
    seen: str = row["seen"]
    return seen


async def since(database: Database, seen: str) -> tuple[Change, str]:
    """Return what has changed since, and what is seen now."""
    [row] = await database.fetch("changes/since", {"seen": seen})
    return Change(runs=frozenset(row["runs"]), kinds=frozenset(row["kinds"])), row["seen"]
