-- A stretch of all interactions that have events.
SELECT run_id, interaction_id FROM interactions
WHERE seq > 0 AND (run_id, interaction_id) > (%(after_run)s, %(after)s)
ORDER BY run_id, interaction_id
LIMIT %(most)s
