INSERT INTO workflows (name, definition_id) VALUES (%(name)s, %(definition_id)s)
ON CONFLICT (name) DO UPDATE SET definition_id = excluded.definition_id
RETURNING workflow_id
