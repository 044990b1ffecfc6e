"""Whether work that could be done is done: how long the first of it has waited, and whether anything moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Connection

SILENT_S = 60.0  # a runner that has not been heard of for so long is not at work
STUCK_S = 600.0  # runners look for work every few seconds; what they leave for so long, they do not see


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The work that has waited longest of all that a runner may take up now.

    `still_s` is for how long nobody has begun or ended anything; None: something is in hand.
    """

    actor: str
    waited_s: float
    still_s: float | None
    still_since: datetime | None

    @property
    def is_stuck(self) -> bool:
        return self.still_s is not None and self.still_s > STUCK_S


async def backlog(connection: Connection) -> Backlog | None:
    """Return what has waited longest; None where nothing waits that could be done."""
    row = await stored.backlog(connection, silent_s=SILENT_S)
    return Backlog(**row) if row is not None else None
