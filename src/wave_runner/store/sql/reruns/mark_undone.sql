UPDATE reruns SET undone_at = clock_timestamp(), undone_by = %(by)s
WHERE run_id = %(run_id)s AND generation = %(generation)s
