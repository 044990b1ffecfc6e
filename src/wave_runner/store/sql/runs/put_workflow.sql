-- What is approved of a workflow that is known, a run does not change.
INSERT INTO workflows (name, definition_id) VALUES (%(name)s, %(definition_id)s)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING workflow_id
