-- The folder holds the approved definition again. What its server holds is another matter.
UPDATE actors SET drifted_to_id = NULL, drifted_at = CASE WHEN weights_found IS NOT NULL THEN drifted_at END
WHERE name = %(name)s AND drifted_to_id IS NOT NULL
RETURNING actor_id
