INSERT INTO erasures (record_id, basis, basis_nonce, requested_by)
VALUES (%(record_id)s, %(basis)s, %(nonce)s, %(by)s)
ON CONFLICT (record_id) WHERE erased_at IS NULL AND withdrawn_at IS NULL DO NOTHING
RETURNING erasure_id
