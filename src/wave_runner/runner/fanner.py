"""The loop that turns an open `each` into interactions, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from wave_runner.store import runs
from wave_runner.store.database import Database


class Fanner:
    """Each chunk is a transaction of its own: one that is killed goes on where it was."""

    def __init__(self, database: Database, *, runner_id: UUID, wake_lanes: Callable[[], None]) -> None:
        self._database = database
        self._runner_id = runner_id
        self._wake_lanes = wake_lanes

    async def one_pass(self) -> bool:
        """Do one chunk. False if no fan-out is open."""
        worked = await runs.fan_out_chunk(self._database, runner_id=self._runner_id)
        if worked:
            self._wake_lanes()
        return worked
