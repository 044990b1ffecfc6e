"""What the log commits to of a value that was changed in the user's tables: all that is kept of the change.

`store/sql/records/add_value_writes.sql` makes the same bytes where the change is kept, in the transaction that makes
it; here they are made again, from what stands in the table then, by whoever verifies, shows or erases it.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from wave_runner.core.canonical import canonical
from wave_runner.core.event import commitment

AT_ONCE = 200
"""So many changes are committed to by one event: 15 KB of the 16 that it may have."""

NULL = "null"
"""The JSON text of a value where nothing stands."""


def sha256_of(json_text: str) -> bytes:
    """Return the hash under which a value is recorded: of its JSON text as PostgreSQL writes it."""
    return hashlib.sha256(json_text.encode()).digest()


class ValueWrite(NamedTuple):
    """One value that was changed, as it is kept: where, by which interaction, when, and its hashes before and after.

    Lists are written as a whole: as the column `*`. `is_undo`: what its interaction had written was taken back.
    `is_intake`: a batch has changed it, and no step. `before_commitment` is to the payload with what stood there
    before; None where nothing stood. The nonce and both hashes are None once they are erased.
    """

    run_id: int
    value_write_id: int
    interaction_id: int
    record_id: int
    table: str
    column: str
    before_sha256: bytes | None
    after_sha256: bytes | None
    before_commitment: bytes | None
    is_undo: bool
    is_intake: bool
    written_us: int | None  # microseconds since 1970 UTC; None: a time that nothing was ever written at
    nonce: bytes | None

    def __str__(self) -> str:
        place = f"{self.table}.{self.column} of record {self.record_id}"
        return f"value write {self.value_write_id} of run {self.run_id}, {place}"

    def content(self) -> bytes:
        """Return what is committed to, as canonical JSON. Raises `ValueError` where that is erased, or cannot be."""
        if self.before_sha256 is None or self.after_sha256 is None:
            raise ValueError("its hashes are erased")
        if self.written_us is None:
            raise ValueError("its time is none")
        return canonical(
            {
                "after": self.after_sha256.hex(),
                "at": self.written_us,
                "before": self.before_sha256.hex(),
                "before_commitment": self.before_commitment.hex() if self.before_commitment is not None else None,
                "column": self.column,
                "intake": self.is_intake,
                "interaction": self.interaction_id,
                "record": self.record_id,
                "run": self.run_id,
                "table": self.table,
                "undo": self.is_undo,
                "write": self.value_write_id,
            }
        )

    def commitment(self) -> str:
        """Return the commitment in hex. Raises `ValueError` as `content` does."""
        if self.nonce is None:
            raise ValueError("its nonce is erased")
        return commitment(self.nonce, self.content())
