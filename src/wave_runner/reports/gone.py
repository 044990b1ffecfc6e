"""Runs whose history was dropped: of them it is said, by name, and nothing is reported as if there had been nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_runner.errors import NotFoundError
from wave_runner.store import drops

if TYPE_CHECKING:
    from wave_runner.store.database import Connection


async def must_be_there(connection: Connection, run_id: int) -> None:
    """Raise `NotFoundError`, saying when and by whose order, where the history of a run was dropped."""
    for one in await drops.gone(connection, run_id=run_id):
        raise NotFoundError(str(one), hint=f"its counts and verdicts are there still: wave status --run {run_id}")
