WITH added AS (
    INSERT INTO steps (workflow_id, name)
    SELECT %(workflow_id)s, name FROM unnest(%(names)s::text[]) AS given (name)
    ON CONFLICT (workflow_id, name) DO NOTHING
    RETURNING step_id, name
)
SELECT step_id, name FROM added
UNION ALL
SELECT step_id, name FROM steps WHERE workflow_id = %(workflow_id)s AND name = ANY (%(names)s::text[])
