-- The steps that a record has work in that is not finished.
SELECT DISTINCT run_id, run_step_id FROM interactions
WHERE record_id = %(record_id)s AND finished_at IS NULL
ORDER BY run_id, run_step_id
