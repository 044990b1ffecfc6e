-- All is well again. Gives no row where nothing was wrong.
WITH before AS MATERIALIZED (
    SELECT kind, name, position FROM breakers
    WHERE kind = %(kind)s AND name = %(name)s AND (failures > 0 OR position <> 'closed')
    FOR UPDATE
)
UPDATE breakers b
SET position = 'closed', failures = 0, trips = 0, retry_at = NULL, probe_by = NULL, opened_at = NULL, error_class = NULL, reason = NULL
FROM before
WHERE b.kind = before.kind AND b.name = before.name
RETURNING before.position AS was
