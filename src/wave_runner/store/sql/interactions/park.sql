-- Work of runs that are held moves out of the claim index, in chunks: nobody who claims has to walk over it. The runs are
-- locked against being resumed meanwhile, which would leave it parked for ever.
WITH held AS MATERIALIZED (
    SELECT r.run_id
    FROM workflow_runs r JOIN workflows w USING (workflow_id)
    WHERE r.state = 'running' AND r.cancelled_at IS NULL AND (r.paused_at IS NOT NULL OR w.paused_at IS NOT NULL)
    FOR SHARE OF r, w SKIP LOCKED
), front AS MATERIALIZED (
    SELECT i.run_id, i.interaction_id FROM interactions i
    WHERE i.queue_id = ANY (ARRAY(SELECT rs.queue_id FROM run_steps rs JOIN held USING (run_id)))
      AND i.run_id = ANY (ARRAY(SELECT run_id FROM held))
      AND i.state = 'pending' AND i.wave_id IS NULL AND i.ready_at IS NULL
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
)
UPDATE interactions i SET ready_at = 'infinity'
FROM front f
WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id
