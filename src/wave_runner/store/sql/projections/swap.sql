-- From this COMMIT on the copy that was built beside is the one that is read. Both rows are locked.
WITH retired AS (
    UPDATE projections SET state = 'retired' WHERE name = %(name)s AND state = 'live' RETURNING projection_id
)
UPDATE projections
SET state = 'live', verified_position = NULL, verified_at = NULL, digest = NULL, diverged_since = NULL
WHERE projection_id = %(projection_id)s AND state = 'building' AND EXISTS (SELECT FROM retired)
