-- held → approved, refused: a person has said whether what is missing has vanished.
UPDATE batches
SET state = %(state)s, vanished = %(vanished)s, decided_by = %(by)s, reason = %(reason)s, reason_nonce = %(nonce)s
WHERE run_id = %(run_id)s AND state = 'held'
RETURNING run_id
