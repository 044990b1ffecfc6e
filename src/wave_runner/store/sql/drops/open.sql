-- The request that nobody has agreed to yet.
SELECT drop_id, before, basis, basis_nonce, requested_by, requested_at FROM drops WHERE withdrawn_at IS NULL AND approved_at IS NULL
