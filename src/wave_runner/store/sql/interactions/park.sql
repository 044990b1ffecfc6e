-- Work of runs that are held cannot be claimed any more, in chunks: nobody who claims has to walk over it. The runs are
-- locked against being resumed meanwhile, which would leave it parked for ever.
WITH held AS MATERIALIZED (
    SELECT r.run_id
    FROM workflow_runs r JOIN workflows w USING (workflow_id)
    WHERE r.state = 'running' AND r.cancelled_at IS NULL AND (r.paused_at IS NOT NULL OR w.paused_at IS NOT NULL OR w.stopped)
    FOR SHARE OF r, w SKIP LOCKED
), front AS MATERIALIZED (
    SELECT ctid, run_id, interaction_id FROM claimable
    WHERE queue_id = ANY (ARRAY(SELECT rs.queue_id FROM run_steps rs JOIN held USING (run_id)))
      AND run_id = ANY (ARRAY(SELECT run_id FROM held))
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM claimable WHERE ctid = ANY (ARRAY(SELECT ctid FROM front))
)
UPDATE interactions i SET ready_at = 'infinity'
FROM front f
WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id AND i.state = 'pending'
