-- Tasks whose steps are cancelled close without a decision. One that a person decides at this moment waits for the next
-- pass, and is decided then.
WITH open_ones AS MATERIALIZED (
    SELECT t.run_id, t.interaction_id
    FROM tasks t JOIN interactions i USING (run_id, interaction_id)
    WHERE t.run_id = ANY (%(run_ids)s::bigint[]) AND t.decided_at IS NULL
      AND i.run_step_id = ANY (%(run_step_ids)s::bigint[])
      AND (%(record_id)s::bigint IS NULL OR i.record_id = %(record_id)s)
    ORDER BY t.run_id, t.interaction_id
    LIMIT %(size)s
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE tasks t SET decided_at = clock_timestamp(), withdrawn = true
FROM open_ones o
WHERE t.run_id = o.run_id AND t.interaction_id = o.interaction_id
RETURNING t.interaction_id
