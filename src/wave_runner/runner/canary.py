"""The loop that judges canaries: the first records of a run are through, and the others wait for what the gates say."""

from __future__ import annotations

import logging
from uuid import UUID

from wave_runner.core.canary import USUAL_GATES, Canary, judge, passes, pauses
from wave_runner.runner.steps import Steps
from wave_runner.store import canaries
from wave_runner.store.canaries import Due, Verdict
from wave_runner.store.database import Connection, Database

log = logging.getLogger("wave_runner.runner")


class CanaryJudge:
    """What a verdict goes by is in the database: any runner gives it, and one that is killed leaves it to the next."""

    def __init__(self, database: Database, *, runner_id: UUID, steps: Steps) -> None:
        self._database = database
        self._runner_id = runner_id
        self._steps = steps

    async def one_pass(self) -> bool:
        """Judge the canaries that are through. True if there was one."""
        judged = False
        for due in await canaries.due(self._database):
            judged = await self._judge(due) or judged
        return judged

    async def _judge(self, due: Due) -> bool:
        declared = (await self._steps.of_run(due.run_step_id)).pinned.canary
        canary = declared or Canary(records=1)  # how many it was, the run itself knows
        async with self._database.transaction() as connection:
            verdict = await _verdict(connection, due.run_id, canary)
            decided = await canaries.decide(connection, due.run_id, verdict, runner_id=self._runner_id)
        if decided and not verdict.passed:
            said = canaries.message(verdict)
            log.warning("run %s: its canary has failed: %s", due.run_id, said, extra={"run_id": due.run_id})
        return decided


async def _verdict(connection: Connection, run_id: int, canary: Canary) -> Verdict:
    gates = canary.gates or USUAL_GATES
    before = await canaries.run_before(connection, run_id)
    now = await canaries.figures(connection, run_id, gates)
    earlier = await canaries.figures(connection, before, gates) if before is not None else None
    judged = judge(gates, now, earlier)
    passed = passes(judged)
    return Verdict(
        records=now.records,
        passed=passed,
        pauses=pauses(canary.then, passed=passed),
        before=before,
        then=str(canary.then),
        judged=judged,
    )
