UPDATE actors SET paused_at = NULL, paused_by = NULL
WHERE name = %(name)s AND paused_at IS NOT NULL
RETURNING actor_id
