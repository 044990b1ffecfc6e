UPDATE tasks SET decided_at = clock_timestamp()
WHERE run_id = %(run_id)s AND interaction_id = %(interaction_id)s AND decided_at IS NULL
