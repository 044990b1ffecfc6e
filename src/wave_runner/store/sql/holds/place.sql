INSERT INTO legal_holds (record_id, reason, reason_nonce, placed_by)
VALUES (%(record_id)s, %(reason)s, %(nonce)s, %(by)s)
ON CONFLICT (record_id) DO NOTHING
RETURNING record_id
