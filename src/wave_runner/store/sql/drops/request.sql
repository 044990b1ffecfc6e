INSERT INTO drops (before, basis, basis_nonce, requested_by)
VALUES (%(before)s, %(basis)s, %(nonce)s, %(by)s)
ON CONFLICT ((true)) WHERE withdrawn_at IS NULL AND approved_at IS NULL DO NOTHING
RETURNING drop_id
