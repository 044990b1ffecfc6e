-- Results become interactions of a shadow, as in experiments/begin.sql: given what was recorded, and never in force. Their records
-- are locked: what was erased since they were found has no input any more. A record that comes again is under way once
-- more. OFFSET 0: one look by key for each.
WITH given AS MATERIALIZED (
    SELECT i.interaction_id AS source_id, i.record_id, i.input, g.nonce, g.n
    FROM unnest(%(source_ids)s::bigint[], %(nonces)s::bytea[]) WITH ORDINALITY AS g (source_id, nonce, n)
    CROSS JOIN LATERAL (
        SELECT interaction_id, record_id, input FROM interactions WHERE run_id = %(source_run_id)s AND interaction_id = g.source_id OFFSET 0
    ) AS i
    WHERE i.input IS NOT NULL
    ORDER BY g.n
    LIMIT %(most)s
), placed AS MATERIALIZED (
    SELECT g.*, (row_number() OVER (PARTITION BY g.record_id ORDER BY g.n) - 1
                 + (SELECT count(*) FROM interactions mine
                    WHERE mine.record_id = g.record_id AND mine.run_step_id = %(run_step_id)s AND mine.run_id = %(run_id)s))::int AS item
    FROM given g
), step AS (
    SELECT rs.run_step_id, rs.queue_id, r.run_id, run_rank(r) AS rank
    FROM workflow_runs r JOIN run_steps rs USING (run_id)
    WHERE r.run_id = %(run_id)s
), flows AS (
    INSERT INTO run_records (run_id, record_id, live)
    SELECT %(run_id)s, record_id, count(*) FROM placed GROUP BY record_id ORDER BY record_id
    ON CONFLICT (run_id, record_id) DO UPDATE
    SET live = run_records.live + excluded.live, state = 'live', broken = NULL, settled_at = NULL
    RETURNING record_id, correlation_id
), made AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, item, in_force, rank, input, input_nonce)
    SELECT step.run_id, step.run_step_id, step.queue_id, p.record_id, f.correlation_id, p.item, false, step.rank, p.input, p.nonce
    FROM placed p JOIN flows f USING (record_id) CROSS JOIN step
    ORDER BY p.n
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id, record_id, item
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id)
    SELECT queue_id, rank, interaction_id, run_id, run_step_id FROM made
), compared AS (
    INSERT INTO counterparts (run_id, interaction_id, source_run_id, source_id)
    SELECT m.run_id, m.interaction_id, %(source_run_id)s, p.source_id
    FROM made m JOIN placed p USING (record_id, item)
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT run_id, run_step_id, 'pending', count(*) FROM made GROUP BY run_id, run_step_id
)
SELECT count(*) AS n FROM made
