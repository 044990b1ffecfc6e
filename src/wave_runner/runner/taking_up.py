"""Staged rows of a run are taken up by another one, which begins at the step that decides; or all is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wave_runner.core.filters import Term
from wave_runner.core.marks import Expect
from wave_runner.core.selecting import columns_read
from wave_runner.core.workflow import Workflow
from wave_runner.errors import NotFoundError
from wave_runner.project.script_staging import deciding_step
from wave_runner.runner.batches import Batches, Promotion, Starts
from wave_runner.runner.new_runs import NewRuns
from wave_runner.store import runs
from wave_runner.store.rollback import RolledBack


@dataclass(kw_only=True)
class TakingUp:
    """What one person may do with staged rows by a run of its own."""

    new_runs: NewRuns
    batches: Batches

    async def revalidate(
        self, run_id: int, terms: tuple[Term, ...], *, step: str | None = None, reason: str, expect: Expect = None
    ) -> int:
        """Have staged rows validated once more, by a run that begins at the step which decides. Returns that run.

        Raises as `NewRuns.start` does.
        """
        _, starts = await self._starts(run_id, step)
        return await self.batches.revalidate(run_id, terms, starts, reason=reason, expect=expect)

    async def promote(
        self,
        run_id: int,
        terms: tuple[Term, ...],
        *,
        step: str | None = None,
        key: str | None = None,
        values: Mapping[str, Any] | None = None,
        reason: str,
        expect: Expect = None,
    ) -> int:
        """Promote staged rows in this person's name; a run that begins behind that takes them up. Returns the run."""
        workflow, starts = await self._starts(run_id, step)
        collection = self.new_runs.watch.read().collections[workflow.collection]
        own = f"{collection.table}."
        steps = workflow.steps.values()
        promotion = Promotion(
            collection=collection,
            key=key,
            set=values or {},
            reads=columns_read(steps, collection.table),
            writes=[name.removeprefix(own) for one in steps for name in one.writes if name.startswith(own)],
        )
        return await self.batches.promote(run_id, terms, starts, promotion, reason=reason, expect=expect)

    async def roll_back(self, run_id: int, *, reason: str, dry: bool, expect: int | None = None) -> RolledBack:
        """Take back what became of a batch; with `dry` nothing changes."""
        [batch] = await self.batches.known(run_id)
        collections = self.new_runs.watch.read().collections
        if batch.collection not in collections:
            raise NotFoundError(f"the folder has no collection {batch.collection}, which batch {run_id} is of")
        collection = collections[batch.collection]
        return await self.batches.roll_back(run_id, collection, reason=reason, dry=dry, expect=expect)

    async def _starts(self, run_id: int, step: str | None) -> tuple[Workflow, Starts]:
        """Return how the run begins that takes up staged rows of another, with everything pinned anew."""
        [batch] = await self.batches.known(run_id)
        taken = await self.new_runs.taken(batch.workflow)
        root = deciding_step(taken.project, taken.workflow, step)

        def starts(recorded: Mapping[str, Any]) -> runs.NewRun:
            return replace(self.new_runs.like(taken, recorded), root=root, revalidates=run_id)

        return taken.workflow, starts
