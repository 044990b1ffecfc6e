-- The server holds the approved weights again.
UPDATE actors SET weights_found = NULL, drifted_at = CASE WHEN drifted_to_id IS NOT NULL THEN drifted_at END
WHERE name = %(actor)s AND weights = %(digest)s AND weights_found IS NOT NULL
RETURNING actor_id
