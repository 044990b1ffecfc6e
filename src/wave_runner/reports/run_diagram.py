"""The workflow of a run as it was pinned, whatever the folder has now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_runner.core.pinned import read_step
from wave_runner.core.workflow import Workflow
from wave_runner.reports.interactions import run_of
from wave_runner.store import reports as stored

if TYPE_CHECKING:
    from wave_runner.store.database import Database


async def workflow_of(database: Database, run_id: int | None = None) -> Workflow:
    """Return the workflow that a run has begun with, the newest run by default; its steps and ways alone.

    Raises `NotFoundError` if there is no such run.
    """
    async with stored.snapshot(database) as connection:
        chosen, name = await run_of(connection, run_id)
        pinned = [read_step(body) for body in await stored.run_definition(connection, chosen)]
    steps = {one.step.name: one.step for one in pinned}
    return Workflow(name=name, path="", collection=pinned[0].collection.name, params={}, steps=steps)
