-- The rows of earlier batches that these are once more are of the same records: whatever is done about a record finds them all.
WITH RECURSIVE origins AS (
    SELECT r.revalidates AS run_id, s.copy_of AS staged_id, s.record_id
    FROM staged_records s JOIN workflow_runs r USING (run_id)
    WHERE s.run_id = %(run_id)s AND s.staged_id = ANY (%(ids)s::bigint[]) AND s.copy_of IS NOT NULL AND s.record_id IS NOT NULL
    UNION ALL
    SELECT r.revalidates, s.copy_of, origins.record_id
    FROM origins JOIN staged_records s USING (run_id, staged_id) JOIN workflow_runs r USING (run_id)
    WHERE s.copy_of IS NOT NULL
)
UPDATE staged_records s SET record_id = o.record_id
FROM origins o
WHERE s.run_id = o.run_id AND s.staged_id = o.staged_id
