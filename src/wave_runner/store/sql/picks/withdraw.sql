-- The tasks of interactions that are about to be cancelled close without a decision.
UPDATE tasks SET decided_at = clock_timestamp(), withdrawn = true
WHERE run_id = %(run_id)s AND interaction_id = ANY (%(ids)s::bigint[]) AND decided_at IS NULL
