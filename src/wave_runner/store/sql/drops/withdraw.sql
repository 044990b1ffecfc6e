UPDATE drops SET withdrawn_at = clock_timestamp()
WHERE withdrawn_at IS NULL AND approved_at IS NULL
RETURNING drop_id
