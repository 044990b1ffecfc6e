-- The record has another key from here on, and the request has been met.
WITH renamed AS (
    UPDATE records SET key = %(new_key)s WHERE record_id = %(record_id)s
)
UPDATE erasures SET approved_by = %(by)s, erased_at = clock_timestamp() WHERE erasure_id = %(erasure_id)s
RETURNING erased_at
