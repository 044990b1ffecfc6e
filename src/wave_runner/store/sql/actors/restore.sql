-- The folder holds the approved definition again.
UPDATE actors SET state = 'active', drifted_to_id = NULL WHERE name = %(name)s AND state = 'drifted' RETURNING actor_id
