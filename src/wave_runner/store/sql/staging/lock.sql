SELECT staged_id, raw::text AS raw FROM staged_records
WHERE run_id = %(run_id)s AND staged_id = ANY (%(ids)s::bigint[]) AND state = 'waiting'
ORDER BY staged_id
FOR UPDATE
