-- The next records that the run has promoted, or updated, become interactions. A record that already has a live flow in this workflow,
-- in whatever run, is skipped and counted: two flows over one record would write the same values. So is one that was
-- promoted twice, because its row was taken out of the table in between.
WITH chunk AS MATERIALIZED (
    SELECT staged_id, record_id FROM staged_records
    WHERE run_id = %(run_id)s AND state IN ('promoted', 'updated') AND staged_id > %(after_staged)s
    ORDER BY staged_id
    LIMIT %(size)s
), flows AS (
    INSERT INTO run_records (run_id, record_id, workflow_id, live)
    SELECT %(run_id)s, record_id, %(workflow_id)s, 1 FROM chunk ORDER BY record_id
    ON CONFLICT DO NOTHING
    RETURNING run_id, record_id, correlation_id
), children AS (
    INSERT INTO interactions
        (run_id, run_step_id, queue_id, record_id, correlation_id, iteration, generation, parent_id, parent_seq, rank)
    SELECT flows.run_id, %(run_step_id)s, %(queue_id)s, flows.record_id, flows.correlation_id, %(iteration)s,
           %(generation)s, %(interaction_id)s, %(parent_seq)s, %(rank)s
    FROM flows JOIN (SELECT record_id, min(staged_id) AS staged_id FROM chunk GROUP BY record_id) AS first USING (record_id)
    ORDER BY first.staged_id
    RETURNING queue_id, rank, interaction_id, run_id, run_step_id
), waiting AS (
    INSERT INTO claimable (queue_id, rank, interaction_id, run_id, run_step_id) SELECT * FROM children
), counted AS (
    INSERT INTO count_deltas (run_id, run_step_id, state, delta)
    SELECT %(run_id)s, %(run_step_id)s, 'pending', count(*) FROM children HAVING count(*) > 0
)
-- All of them are counted once, with the first chunk.
SELECT CASE WHEN %(after_staged)s::bigint = 0
            THEN (SELECT count(*) FROM staged_records WHERE run_id = %(run_id)s AND state IN ('promoted', 'updated')) END AS expected,
       (SELECT count(*) FROM chunk) AS seen, (SELECT count(*) FROM children) AS created,
       (SELECT max(staged_id) FROM chunk) AS last_staged
