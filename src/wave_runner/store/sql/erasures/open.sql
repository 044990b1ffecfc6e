-- The open request of a record that is locked, and what it rests on.
SELECT erasure_id, requested_by, basis, basis_nonce FROM erasures
WHERE record_id = %(record_id)s AND erased_at IS NULL AND withdrawn_at IS NULL
