-- Of these records those that the batch has already brought in or found again: of its rows with one key the first wins.
SELECT DISTINCT record_id FROM staged_records
WHERE run_id = %(run_id)s AND record_id = ANY (%(record_ids)s::bigint[]) AND state IN ('promoted', 'updated', 'unchanged')
