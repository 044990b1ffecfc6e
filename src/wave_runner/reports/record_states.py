"""How many records of each workflow are in each state, over all runs: read from a projection, so up to an index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wave_runner.core.projection import RECORD_STATES
from wave_runner.store import drops, projections
from wave_runner.store import reports as stored
from wave_runner.store.drops import Gone

if TYPE_CHECKING:
    from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class RecordCounts:
    """Counts by workflow and state, as the first `position` entries of the log say; `behind` more are sealed.

    Of `dropped` runs the log says nothing any more: they are not counted.
    """

    position: int
    behind: int
    workflows: Mapping[str, Mapping[str, int]]
    dropped: Sequence[Gone]


async def record_states(database: Database) -> RecordCounts:
    """Return the counts and how far they go; nothing and 0 where nobody has folded anything yet."""
    async with stored.snapshot(database) as connection:
        live = next(
            (
                copy
                for copy in await projections.copies_in(connection)
                if (copy.name, copy.state) == (RECORD_STATES.name, "live")
            ),
            None,
        )
        rows = await stored.record_states(connection)
        dropped = await drops.gone(connection)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row["workflow"]][row["state"]] = row["n"]
    position, behind = (live.position, live.behind) if live else (0, 0)
    return RecordCounts(position=position, behind=behind, workflows=dict(found), dropped=dropped)
