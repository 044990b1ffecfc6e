SELECT staged_id FROM staged_records
WHERE run_id = %(run_id)s AND staged_id = ANY (%(ids)s::bigint[]) AND state = 'waiting'
ORDER BY staged_id
FOR UPDATE
