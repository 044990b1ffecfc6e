-- Rows of a batch of which nothing has come yet, or no more. What was erased cannot be looked at again.
SELECT staged_id FROM staged_records
WHERE run_id = %(run_id)s AND staged_id = ANY (%(ids)s::bigint[]) AND state IN ('waiting', 'rejected', 'rolled_back') AND raw IS NOT NULL
ORDER BY staged_id
FOR UPDATE
