-- Once: whoever comes second finds it adopted.
UPDATE experiments SET adopted_at = clock_timestamp(), adopted_by = %(by)s, reason = %(reason)s, reason_nonce = %(nonce)s
WHERE run_id = %(run_id)s AND adopted_at IS NULL
RETURNING run_id
