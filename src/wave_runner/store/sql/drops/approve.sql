-- From this COMMIT on nothing of these ranges is begun again.
WITH approved AS (
    UPDATE drops SET approved_by = %(by)s, approved_at = clock_timestamp()
    WHERE drop_id = %(drop_id)s AND withdrawn_at IS NULL AND approved_at IS NULL
    RETURNING drop_id
)
UPDATE run_ranges r SET drop_id = a.drop_id
FROM approved a
WHERE r.first_run = ANY (%(ranges)s::bigint[]) AND r.drop_id IS NULL
RETURNING r.first_run
