-- What has come of a whole batch: settled by itself, or held until a person says what it means.
UPDATE batches SET state = %(state)s, known = %(known)s, vanished = %(vanished)s, settled_at = clock_timestamp()
WHERE run_id = %(run_id)s AND state = 'open'
RETURNING run_id
