"""What a project keeps only so long: the rule stands in wave.toml, and a person applies it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from wave_runner.core.canonical import canonical
from wave_runner.core.erasure import BY_RULE
from wave_runner.core.event import EventType
from wave_runner.errors import ConflictError
from wave_runner.store import events, retention
from wave_runner.store.database import Database


@dataclass(kw_only=True)
class Retaining:
    """Acts for the person `by`. `retention` are the days that a class is kept; one that has none is kept for ever.

    Raises `ConflictError` where the project declares nothing.
    """

    database: Database
    retention: Mapping[str, int]
    by: str

    async def preview(self) -> dict[str, int]:
        """Return how much of each class is older than its days, changing nothing."""
        self._declared()
        async with self.database.snapshot() as connection:
            return await retention.counts(connection, self.retention)

    async def apply(self) -> dict[str, int]:
        """Let go what is older, chunk by chunk, and return how much: killed in between, ask again."""
        self._declared()
        policy = hashlib.sha256(canonical(dict(self.retention))).hexdigest()
        data = {"requested_by": BY_RULE, "approved_by": self.by, "policy": policy}
        total: Counter[str] = Counter()
        while True:
            async with self.database.transaction() as connection:
                erased = await retention.erase_chunk(connection, self.retention, data)
                if not erased:
                    return dict(total)
                said = {"by": self.by, "policy": policy, "erased": erased}
                await events.append(connection, EventType.RETENTION_APPLIED, said)
            total.update(erased)

    def _declared(self) -> None:
        if not self.retention:
            raise ConflictError(
                "the project keeps everything for ever",
                hint="say in wave.toml how many days what is kept, as in: [retention] request = 90",
            )
