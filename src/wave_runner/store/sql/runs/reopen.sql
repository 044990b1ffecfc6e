-- Runs of which something is tried again have not ended; gives those that had.
UPDATE workflow_runs SET state = 'running', ended_at = NULL, reason = NULL, broken = NULL, ends_by = NULL
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND state IN ('completed', 'failed')
RETURNING run_id
