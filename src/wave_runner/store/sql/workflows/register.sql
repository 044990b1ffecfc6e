-- Trust on first use, as of actors.
INSERT INTO workflows (name, definition_id, policy)
SELECT %(name)s, definition_id, %(policy)s FROM definitions
WHERE kind = 'workflow' AND name = %(path)s AND sha256 = %(sha256)s
ON CONFLICT (name) DO NOTHING
RETURNING definition_id
