UPDATE workflows SET drifted_to_id = NULL, drifted_at = NULL WHERE name = %(name)s AND drifted_to_id IS NOT NULL
RETURNING workflow_id
