"""Why staged rows were rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A rule that rows broke. `field` is "" for a rule about the row as a whole; `message` is that of one of them."""

    rule: str
    field: str
    staged_rows: int
    message: str | None


async def rejections(connection: Connection, run_id: int) -> list[Rejection]:
    """Return the rules that staged rows of the run broke, the most frequent first."""
    return [Rejection(**row) for row in await stored.rejections(connection, run_id)]
