-- Trust on first use: the first weights that are loaded for an actor are approved by that.
UPDATE actors SET weights = %(digest)s WHERE name = %(actor)s AND weights IS NULL
RETURNING actor_id
