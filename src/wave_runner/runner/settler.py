"""The loop that says "done": it checks what a workflow ensures, record by record, and ends the runs."""

from __future__ import annotations

import logging
from uuid import UUID

from wave_runner.core import tally
from wave_runner.core.columns import targets
from wave_runner.core.settling import broken, columns_of, tables_of, watched
from wave_runner.core.text import sanitise
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.runner.telling import tell_ended, tell_settled
from wave_runner.store import queries, run_ends, runs, settling
from wave_runner.store.database import Database, DataRefused

SHOWN_ROWS = 20
SHOWN_CHARACTERS = 200

log = logging.getLogger("wave_runner.runner")


class Settler:
    """Nothing else writes a record's or a run's verdict."""

    def __init__(self, database: Database, *, runner_id: UUID, steps: Steps) -> None:
        self._database = database
        self._runner_id = runner_id
        self._steps = steps

    async def one_pass(self) -> bool:
        """Settle a chunk of each run that has ended records; end those of which nothing lives. True if it settled."""
        await runs.fold_counts(self._database)
        worked = False
        for due in await settling.due(self._database):
            step = await self._steps.of_run(due.run_step_id)
            if due.has_ended:
                worked = await self._settle(due.run_id, step) > 0 or worked
            else:
                await self._end(due.run_id, step)
        return worked

    async def _end(self, run_id: int, step: StepInHand) -> None:
        """End a run of which nothing lives: only then can be said what it has come to."""
        found = await run_ends.at_end(self._database, run_id)
        if found is None:
            return
        pinned = step.pinned
        odd = (
            []
            if found.cancelled or step.run_step.is_experiment
            else tally.alerts(
                found.tally,
                saves=bool(step.all_writes or pinned.ensures),
                selects=found.selects,
                narrowed=found.narrowed,
                earlier=found.earlier,
            )
        )
        ended = await run_ends.end(
            self._database,
            run_id,
            broken=[
                *tally.broken(pinned.ensures_run, found.tally, found.outputs),
                *await self._wrong_rows(run_id, step),
            ],
            alerts=odd,
            targets=targets(step.all_writes, pinned.collection),
            hold_above=pinned.collection.hold_above,
            runner_id=self._runner_id,
        )
        if ended:
            for alert in odd:
                log.warning("run %s: %s: %s", run_id, alert.kind, alert.message, extra={"run_id": run_id})
            await tell_ended(self._database, run_id)

    async def _wrong_rows(self, run_id: int, step: StepInHand) -> list[str]:
        """Return what the queries on the run find that should not be there: how many rows, and the first of them."""
        found = []
        for path in step.pinned.ensures_run_sql:
            try:
                async with self._database.querying() as connection:
                    text = step.ensures_queries[path]
                    total, rows = await queries.wrong_rows(connection, text, run_id, limit=SHOWN_ROWS)
            except DataRefused as error:
                found.append(f"{path}: PostgreSQL refuses it: {error}")
                continue
            if total:
                listed = "; ".join(sanitise(row)[0][:SHOWN_CHARACTERS] for row in rows)
                more = f", the first {len(rows)}" if total > len(rows) else ""
                found.append(f"{path}: {total} {'row' if total == 1 else 'rows'} should not be there{more}: {listed}")
        return found

    async def _settle(self, run_id: int, step: StepInHand) -> int:
        try:
            return await self._judge(run_id, step)
        except DataRefused as error:
            return await self._judge_unreadable(run_id, str(error))

    async def _judge_unreadable(self, run_id: int, reason: str) -> int:
        """What cannot be read is not there: a table that lost a column must not keep every runner from working."""
        async with self._database.transaction() as connection:
            keys = await settling.ended(connection, run_id)
            if not keys:
                return 0
            verdicts = {record_id: [f"the project's tables cannot be read: {reason}"] for record_id in keys}
            await settling.settle(connection, run_id, verdicts, runner_id=self._runner_id)
        await tell_settled(self._database, run_id, list(keys))
        return len(keys)

    async def _judge(self, run_id: int, step: StepInHand) -> int:
        pinned, tables = step.pinned, step.tables
        async with self._database.transaction() as connection:
            keys = await settling.ended(connection, run_id)
            if not keys:
                return 0
            facts = await settling.facts(
                connection,
                tables,
                run_id,
                keys,
                columns=columns_of(pinned.ensures),
                counted=tables_of(pinned.ensures),
                watched=watched(pinned.ensures, step.all_writes, pinned.collection.table),
            )
            verdicts = {record_id: broken(pinned.ensures, found) for record_id, found in facts.items()}
            for path in pinned.ensures_sql:
                async with self._database.querying(within=connection) as asking:
                    wrong = await queries.wrong_records(asking, step.ensures_queries[path], keys)
                for record_id, reason in wrong.items():
                    verdicts[record_id].append(f"{path}: {reason or 'names this record'}")
            await settling.settle(connection, run_id, verdicts, runner_id=self._runner_id)
        await tell_settled(self._database, run_id, list(keys))
        return len(keys)
