UPDATE workflow_runs SET paused_at = clock_timestamp(), paused_by = %(by)s
WHERE run_id = %(name)s::bigint AND state = 'running' AND paused_at IS NULL
RETURNING run_id
