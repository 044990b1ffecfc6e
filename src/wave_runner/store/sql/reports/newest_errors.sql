-- The newest failures.
SELECT interaction_id FROM interactions
WHERE run_id = %(run_id)s AND error IS NOT NULL AND state IN ('failed', 'quarantined')
ORDER BY finished_at DESC, interaction_id DESC
LIMIT %(limit)s
