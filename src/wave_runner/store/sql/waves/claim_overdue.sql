-- Opens a wave for work of one queue that has waited longer than its step allows, whatever keeps it waiting. Only the heads
-- of such queues are looked at: what waits behind them is younger, or will be at the head soon. They are looked at without
-- a lock, so that nobody who claims is kept from what is not late; what is, is locked.
WITH heads AS MATERIALIZED (
    SELECT i.*
    FROM run_steps rs
    JOIN workflow_runs r USING (run_id)
    CROSS JOIN LATERAL (
        SELECT c.queue_id, c.rank, c.interaction_id,
               i.waits_since < clock_timestamp() - make_interval(secs => rs.step_s)
               OR (i.attempt = 0 AND i.waits_since < clock_timestamp() - make_interval(secs => rs.queue_s)) AS is_late
        FROM (
            SELECT * FROM claimable
            WHERE queue_id = rs.queue_id AND run_step_id = rs.run_step_id
            ORDER BY rank, interaction_id
            LIMIT %(size)s
        ) AS c
        JOIN interactions i USING (run_id, interaction_id)
    ) AS i
    WHERE (rs.queue_s IS NOT NULL OR rs.step_s IS NOT NULL) AND r.state = 'running'
      AND NOT EXISTS (SELECT FROM held_runs h WHERE h.run_id = rs.run_id)
), late AS MATERIALIZED (
    SELECT ctid, run_id, interaction_id FROM claimable
    WHERE queue_id = (SELECT min(queue_id) FROM heads WHERE is_late)
      AND (rank, interaction_id) IN (SELECT rank, interaction_id FROM heads WHERE is_late)
    FOR UPDATE SKIP LOCKED
), items AS MATERIALIZED (
    SELECT i.queue_id, i.run_id, i.interaction_id, i.run_step_id, i.record_id, i.correlation_id, i.parent_id, i.item, i.iteration,
           i.generation, i.attempt, i.errors, extract(epoch FROM clock_timestamp() - i.waits_since)::float8 AS age_s
    FROM late JOIN interactions i USING (run_id, interaction_id)
    WHERE CASE i.state WHEN 'pending' THEN i.ready_at IS NULL END
), opened AS (
    INSERT INTO waves (runner_id, runner_seq, queue_id, size, lease_expires_at)
    SELECT %(runner_id)s, %(runner_seq)s, min(queue_id), count(*), clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM items
    HAVING count(*) > 0
    RETURNING wave_id, queue_id, size
), taken AS (
    DELETE FROM claimable WHERE ctid = ANY (ARRAY(SELECT ctid FROM late))
), held AS (
    INSERT INTO claimed (wave_id, interaction_id, run_id) SELECT wave_id, interaction_id, run_id FROM opened CROSS JOIN items
), logged AS (
    INSERT INTO interaction_events (run_id, form, type, wave_id, runner_id, data, sha256)
    SELECT 0, 1, 'wave_opened', wave_id, %(runner_id)s, said.data, sha256(convert_to(said.data, 'UTF8'))
    FROM opened CROSS JOIN LATERAL (
        SELECT format('{"queue":%%s,"reason":%%s,"seq":%%s,"size":%%s}', queue_id, %(reason)s::text, %(runner_seq)s::bigint, size) AS data
    ) AS said
)
SELECT o.wave_id, o.queue_id, i.run_id, i.interaction_id, i.run_step_id, i.record_id, r.key, i.correlation_id, i.parent_id,
       i.item, i.iteration, i.generation, i.attempt, i.errors, i.age_s
FROM opened o CROSS JOIN items i LEFT JOIN records r USING (record_id)
ORDER BY i.interaction_id
