"""Runs whose records stand at their first step without any runner's having been there: many, and quickly made."""

from __future__ import annotations

import asyncio

from benchmarks.noop import Noop

from wave_runner.engine import open_engine

CHUNK = 100_000

# What a selection makes: records with their place in the run, and for each a first step that can be claimed.
SEED = """\
WITH made AS (
    INSERT INTO records (collection, key)
    SELECT 'things', 'thing ' || lpad(n::text, 7, '0')
    FROM generate_series((SELECT count(*) FROM records), (SELECT count(*) FROM records) + %(records)s - 1) AS n
    RETURNING record_id
), live AS (
    INSERT INTO run_records (run_id, record_id, workflow_id, live)
    SELECT run_id, record_id, workflow_id, 1 FROM made, workflow_runs WHERE run_id = %(run_id)s
    RETURNING record_id, correlation_id
), pending AS (
    INSERT INTO interactions (run_id, run_step_id, queue_id, record_id, correlation_id, rank)
    SELECT r.run_id, rs.run_step_id, rs.queue_id, record_id, live.correlation_id, run_rank(r)
    FROM live, workflow_runs r JOIN run_steps rs USING (run_id)
    WHERE r.run_id = %(run_id)s AND rs.position = 1
    ORDER BY record_id
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM pending
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, 'pending', count(*) FROM pending GROUP BY run_id, run_step_id
)
UPDATE fan_outs SET begun = begun + %(records)s, closed_at = clock_timestamp() WHERE run_id = %(run_id)s
"""


def start_run(project: Noop, kind: str) -> int:
    """Start a run of a workflow, with everything pinned, and leave it alone. Returns its id."""

    async def start() -> int:
        async with open_engine(project.folder) as engine:
            return await engine.new_runs().start(kind, {}, force=True)

    return asyncio.run(start())


def seed(project: Noop, run_id: int, records: int) -> None:
    """Give a run so many new records, each of which waits for its first step."""
    for begun in range(0, records, CHUNK):
        with project.sql() as connection:
            connection.execute(SEED, {"run_id": run_id, "records": min(CHUNK, records - begun)})
