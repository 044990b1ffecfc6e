-- Who has staged the rows that a run takes up: its first step.
SELECT interaction_id FROM interactions WHERE run_id = %(run_id)s AND record_id IS NULL ORDER BY interaction_id LIMIT 1
