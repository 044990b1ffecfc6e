-- Opens a wave for work of one queue that has waited longer than its step allows, whatever keeps it waiting. Only the heads
-- of such queues are looked at: what waits behind them is younger, or will be at the head soon. They are looked at without
-- a lock, so that nobody who claims is kept from what is not late; what is, is locked, and looked at again.
WITH heads AS MATERIALIZED (
    SELECT i.*
    FROM run_steps rs
    JOIN workflow_runs r USING (run_id)
    CROSS JOIN LATERAL (
        SELECT run_id, interaction_id, queue_id,
               waits_since < clock_timestamp() - make_interval(secs => rs.step_s)
               OR (attempt = 0 AND waits_since < clock_timestamp() - make_interval(secs => rs.queue_s)) AS is_late
        FROM interactions
        WHERE queue_id = rs.queue_id AND state = 'pending' AND wave_id IS NULL AND ready_at IS NULL
          AND run_step_id = rs.run_step_id
        ORDER BY rank, interaction_id
        LIMIT %(size)s
    ) AS i
    WHERE (rs.queue_s IS NOT NULL OR rs.step_s IS NOT NULL) AND r.state = 'running'
      AND NOT EXISTS (SELECT FROM held_runs h WHERE h.run_id = rs.run_id)
), found AS MATERIALIZED (
    SELECT run_id, interaction_id FROM heads
    WHERE is_late AND queue_id = (SELECT min(queue_id) FROM heads WHERE is_late)
), late AS MATERIALIZED (
    SELECT run_id, interaction_id, queue_id FROM interactions
    WHERE run_id = ANY (ARRAY(SELECT DISTINCT run_id FROM found))
      AND interaction_id = ANY (ARRAY(SELECT interaction_id FROM found))
      AND state = 'pending' AND wave_id IS NULL AND ready_at IS NULL
    FOR UPDATE SKIP LOCKED
), opened AS (
    INSERT INTO waves (runner_id, runner_seq, queue_id, size, lease_expires_at)
    SELECT %(runner_id)s, %(runner_seq)s, min(queue_id), count(*), clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM late
    HAVING count(*) > 0
    RETURNING wave_id, queue_id
), held AS (
    UPDATE interactions SET wave_id = (SELECT wave_id FROM opened)
    WHERE run_id = ANY (ARRAY(SELECT DISTINCT run_id FROM late))
      AND interaction_id = ANY (ARRAY(SELECT interaction_id FROM late))
    RETURNING wave_id, queue_id, run_id, interaction_id, run_step_id, record_id, correlation_id, parent_id, item, iteration,
              generation, attempt, errors, extract(epoch FROM clock_timestamp() - waits_since)::float8 AS age_s
)
SELECT held.*, records.key
FROM held LEFT JOIN records USING (record_id)
ORDER BY interaction_id
