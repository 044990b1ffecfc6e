UPDATE workflows SET paused_at = clock_timestamp(), paused_by = %(by)s
WHERE name = %(name)s AND paused_at IS NULL
RETURNING workflow_id
