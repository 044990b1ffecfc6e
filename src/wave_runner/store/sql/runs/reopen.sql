-- A run of which something is tried again has not ended; a row if it had.
UPDATE workflow_runs SET state = 'running', ended_at = NULL, reason = NULL, broken = NULL, ends_by = NULL
WHERE run_id = %(run_id)s AND state IN ('completed', 'failed')
RETURNING run_id
