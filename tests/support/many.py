"""A run of 200,000 interactions as weeks of work leave them, made by one statement: no runner was there, no event is.

Of every thousand thirty have failed, five broke a rule, twenty are pending and three are doubted; the others are done.
"""

from __future__ import annotations

from tests.support.projects import Ground, start_run

MANY, OTHERS = 200_000, 5_000
RUN = 2
"""The newest, of `MANY`; the one before has the `OTHERS`."""

FAILED, BROKEN, PENDING, DOUBTED = 6_000, 1_000, 4_000, 600

SEED = """\
WITH made AS (
    INSERT INTO records (collection, key)
    SELECT 'items', format('item %%s', n) FROM generate_series(%(first)s, %(first)s + %(n)s - 1) AS n
    RETURNING record_id, key
), placed AS MATERIALIZED (
    SELECT record_id, key, CASE WHEN n < 30 THEN 'failed' WHEN n < 35 THEN 'quarantined' WHEN n < 55 THEN 'pending'
                                ELSE 'completed' END::interaction_state AS state,
           n BETWEEN 55 AND 57 AS doubted
    FROM made CROSS JOIN LATERAL (SELECT substr(key, 6)::int %% 1000 AS n) AS place
), rows AS (
    INSERT INTO items (item_id, name, text) SELECT record_id, key, 'some words to count' FROM placed
    WHERE state <> 'completed' OR doubted -- of what is done already nobody reads the row
), flows AS (
    INSERT INTO run_records (run_id, record_id, workflow_id, live, state, broken, settled_at)
    SELECT r.run_id, record_id, r.workflow_id, (p.state = 'pending')::int,
           CASE p.state WHEN 'pending' THEN 'live' WHEN 'completed' THEN 'completed' ELSE 'incomplete' END,
           CASE WHEN p.state IN ('failed', 'quarantined') THEN '[]' END, CASE WHEN p.state <> 'pending' THEN now() END
    FROM placed p CROSS JOIN workflow_runs r WHERE r.run_id = %(run_id)s
), work AS (
    INSERT INTO interactions (run_id, run_step_id, queue_id, record_id, correlation_id, state, attempt, seq, input,
                              input_nonce, output, output_nonce, error_class, rule, error, started_at, finished_at)
    SELECT %(run_id)s, rs.run_step_id, rs.queue_id, record_id, gen_random_uuid(), p.state, b.n, 2 * b.n,
           CASE WHEN b.n = 1 THEN '{}' END, CASE WHEN b.n = 1 THEN n.nonce END,
           CASE WHEN p.state = 'completed' THEN '{"words":4}' END, CASE WHEN p.state = 'completed' THEN n.nonce END,
           CASE p.state WHEN 'failed' THEN 'timeout' END,
           CASE WHEN p.state = 'quarantined' THEN 'odd' WHEN p.doubted THEN 'doubtful' END,
           CASE p.state WHEN 'failed' THEN 'the list of words is away' WHEN 'quarantined' THEN 'it is odd' END,
           CASE WHEN b.n = 1 THEN now() END, CASE WHEN b.n = 1 THEN now() END
    FROM placed p
    CROSS JOIN LATERAL (SELECT (p.state <> 'pending')::int AS n) AS b
    CROSS JOIN (SELECT sha256('') AS nonce) AS n
    CROSS JOIN (SELECT * FROM run_steps JOIN steps USING (step_id) WHERE run_id = %(run_id)s AND name = 'count') AS rs
    ORDER BY record_id
    RETURNING run_id, run_step_id, queue_id, rank, interaction_id, state
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id)
    SELECT queue_id, rank, interaction_id, run_id, run_step_id FROM work WHERE state = 'pending'
)
INSERT INTO count_deltas (run_id, run_step_id, state, delta)
SELECT run_id, run_step_id, state, count(*) FROM work GROUP BY run_id, run_step_id, state
"""


def many(ground: Ground, n: int = MANY) -> None:
    """Write a project and two runs of it. Its invariants do not hold, as there is no event of any of these."""
    ground.project()
    ground.tampered = True
    for records, first in ((OTHERS, n + 1), (n, 1)):
        run_id = ground.do(start_run)
        with ground.superuser() as connection:
            # What refers to something was made beside it: looking for that takes longer than all the rest.
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(SEED, {"n": records, "first": first, "run_id": run_id})
    ground.sql("ANALYZE interactions, run_records, records, items, claimable")
