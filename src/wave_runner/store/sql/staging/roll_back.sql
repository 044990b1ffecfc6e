-- promoted, updated, unchanged → rolled_back, with which record each was.
UPDATE staged_records SET state = 'rolled_back'
WHERE run_id = %(run_id)s AND staged_id = ANY (%(ids)s::bigint[]) AND state IN ('promoted', 'updated', 'unchanged')
RETURNING staged_id
