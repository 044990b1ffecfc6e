-- The records that vanished with a batch and are not back.
SELECT record_id, key FROM records WHERE vanished_in = %(run_id)s ORDER BY record_id
