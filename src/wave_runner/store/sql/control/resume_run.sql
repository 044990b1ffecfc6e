UPDATE workflow_runs SET paused_at = NULL, paused_by = NULL
WHERE run_id = %(name)s::bigint AND paused_at IS NOT NULL
RETURNING run_id
