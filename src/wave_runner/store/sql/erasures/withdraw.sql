UPDATE erasures SET withdrawn_at = clock_timestamp()
WHERE record_id = %(record_id)s AND erased_at IS NULL AND withdrawn_at IS NULL
RETURNING erasure_id
