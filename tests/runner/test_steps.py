"""What a runner keeps of the runs that it has met: little, and never what is wrong."""

from __future__ import annotations

import hashlib

from tests.support.projects import Ground, start_run

from wave_runner.engine import Engine
from wave_runner.runner.steps import StepInHand, Steps


def test_steps_of_runs_long_ago_are_forgotten_and_read_again_as_they_were(ground: Ground):
    ground.project()

    async def met(engine: Engine) -> None:
        steps = Steps(engine.database, folder=engine.folder, work_dir=engine.state_dir / "work", environ={}, most=3)
        first, second = [await _steps_of(engine, await start_run(engine)) for _ in range(2)]
        assert len(first) == 3  # as many as are kept: each run drives out the other
        known = await steps.get(first)
        assert set(steps.at_hand(first) or {}) == set(first)
        await steps.get(second)
        assert steps.at_hand(first) is None
        assert steps.at_hand(second) is not None
        again = await steps.get(first)
        assert {id: _said(one) for id, one in again.items()} == {id: _said(one) for id, one in known.items()}
        # More at once than are kept: all are given.
        assert set(await steps.get([*first, *second])) == {*first, *second}

    ground.do(met)


async def _steps_of(engine: Engine, run_id: int) -> list[int]:
    async with engine.database.snapshot() as connection:
        found = await connection.execute("SELECT run_step_id FROM run_steps WHERE run_id = %s", [run_id])
        return [row["run_step_id"] for row in await found.fetchall()]


def _said(step: StepInHand) -> tuple[object, ...]:
    """Return what decides how a step is done, with the hash of what its script is run from."""
    assert step.script is not None
    entry = hashlib.sha256((step.script.root / step.script.entry).read_bytes()).hexdigest()
    return step.pinned, step.params, step.tables, step.schema, entry, step.script
