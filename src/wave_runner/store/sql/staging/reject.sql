-- waiting, rolled_back → rejected: a person has said so.
UPDATE staged_records
SET state = 'rejected', errors = %(errors)s, decided_at = clock_timestamp(), decider_id = NULL, decided_by = %(by)s
WHERE run_id = %(run_id)s AND staged_id = ANY (%(ids)s::bigint[]) AND state IN ('waiting', 'rolled_back')
RETURNING staged_id
