-- Trust on first use: the first definition of a name is approved by whoever brings it.
INSERT INTO actors (name, kind, definition_id, policy)
SELECT %(name)s, %(kind)s, definition_id, %(policy)s FROM definitions
WHERE kind = 'actor' AND name = %(name)s AND sha256 = %(sha256)s
ON CONFLICT (name) DO NOTHING
RETURNING actor_id, definition_id
