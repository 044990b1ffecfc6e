-- Before their interactions, as whoever decides locks them.
SELECT FROM tasks
WHERE run_id = %(run_id)s AND interaction_id = ANY (%(ids)s::bigint[]) AND decided_at IS NULL
ORDER BY interaction_id
FOR UPDATE
