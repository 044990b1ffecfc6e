-- The interactions of an experiment, pending and never in force, with what each is given and what it is held against. Their records
-- take part in the run and have no flow in its workflow: nothing of the real work is kept from them meanwhile.
WITH given AS MATERIALIZED (
    SELECT g.*, (row_number() OVER (PARTITION BY record_id ORDER BY n) - 1)::int AS item
    FROM unnest(%(record_ids)s::bigint[], %(inputs)s::text[], %(nonces)s::bytea[], %(source_run_ids)s::bigint[], %(source_ids)s::bigint[],
                %(expected)s::text[]) WITH ORDINALITY AS g (record_id, input, nonce, source_run_id, source_id, expected, n)
), step AS (
    SELECT rs.run_step_id, rs.queue_id, r.run_id, r.correlation_id, run_rank(r) AS rank
    FROM workflow_runs r JOIN run_steps rs USING (run_id)
    WHERE r.run_id = %(run_id)s
), flows AS (
    INSERT INTO run_records (run_id, record_id, live)
    SELECT %(run_id)s, record_id, count(*) FROM given WHERE record_id IS NOT NULL GROUP BY record_id ORDER BY record_id
    RETURNING record_id, correlation_id
), made AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, in_force, rank, input, input_nonce)
    SELECT step.run_id, step.run_step_id, step.queue_id, g.record_id, coalesce(f.correlation_id, step.correlation_id), g.item, false,
           step.rank, g.input, g.nonce
    FROM given g CROSS JOIN step LEFT JOIN flows f USING (record_id)
    ORDER BY g.n
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id, record_id, item
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id)
    SELECT queue_id, rank, interaction_id, run_id, run_step_id FROM made
), compared AS (
    INSERT INTO counterparts (run_id, interaction_id, source_run_id, source_id, expected)
    SELECT m.run_id, m.interaction_id, g.source_run_id, g.source_id, g.expected
    FROM made m JOIN given g ON g.record_id IS NOT DISTINCT FROM m.record_id AND g.item = m.item
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, 'pending', count(*) FROM made GROUP BY run_id, run_step_id
)
SELECT count(*) AS n FROM made
