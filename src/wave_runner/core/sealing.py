"""How a log grows: events become entries in batches, each with a header, and the tree grows by their leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wave_runner.core.event import Event
from wave_runner.core.log_entry import Kind, event_entry, seal_entry
from wave_runner.core.merkle import Frontier, leaf_hash
from wave_runner.core.tiles import Tile, Tiler

BATCH = 5000
"""Events below one header, at most."""
CLOCK_BACK_US = 3_600_000_000
"""By how much the database's clock may be set back without an event looking as if it were recorded after its seal."""


class Row(NamedTuple):
    """An entry as it is stored; of one about the log itself there is no event."""

    log_index: int
    run_id: int | None
    event_id: int | None
    kind: Kind
    entry: bytes


@dataclass(kw_only=True)
class Growth:
    """What is added to a log; `partial` is for the levels of `tiles.completed_levels`. What is given is not changed."""

    frontier: Frontier
    partial: Mapping[int, Sequence[bytes]]
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.frontier = Frontier(size=self.frontier.size, hashes=list(self.frontier.hashes))
        self._tiler = Tiler(partial=self.partial)
        # Most batches fill no tile: then nobody has to be told of nodes.
        self._emit = self._tiler.emit if self.partial else None

    @property
    def size(self) -> int:
        """Entries of the log, with what was added: the index of the next one."""
        return self.frontier.size

    @property
    def tiles(self) -> list[Tile]:
        """The tiles that have become full."""
        return self._tiler.full

    def add(self, entry: bytes, kind: Kind) -> None:
        """Add an entry about the log itself that was made for the index `size`."""
        self.rows.append(Row(self.size, None, None, kind, entry))
        self.frontier.append(leaf_hash(entry), self._emit)

    def seal(self, events: Sequence[Event], *, source: str, at_us: int, snapshot: str) -> None:
        """Add events in the order given, in batches, each below a header with the snapshot and a time.

        That is `at_us`, or the time of the newest event where the clock has been set back since.
        """
        for first in range(0, len(events), BATCH):
            batch = events[first : first + BATCH]
            root = self.frontier.root()
            newest_us = max(event.recorded_us for event in batch)
            sealed_us = newest_us if at_us < newest_us <= at_us + CLOCK_BACK_US else at_us
            header = seal_entry(self.size, at_us=sealed_us, count=len(batch), prev_root=root, snapshot=snapshot)
            self.add(header, Kind.SEAL)
            entries = [event_entry(event, index, source=source) for index, event in enumerate(batch, self.size)]
            self.rows += [
                Row(index, event.run_id, event.event_id, Kind.EVENT, entry)
                for index, (event, entry) in enumerate(zip(batch, entries, strict=True), self.size)
            ]
            self.frontier.extend(map(leaf_hash, entries), self._emit)


def entries_for(events: int) -> int:
    """Return how many entries so many events become, headers included."""
    return events + -(-events // BATCH)
