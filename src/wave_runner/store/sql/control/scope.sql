-- The steps that a subject has in runs that have not ended.
SELECT rs.run_id, rs.run_step_id
FROM run_steps rs
JOIN workflow_runs r USING (run_id)
JOIN workflows w USING (workflow_id)
JOIN actors a ON a.actor_id = rs.actor_id
WHERE r.state = 'running'
  AND CASE %(subject)s WHEN 'run' THEN r.run_id::text WHEN 'workflow' THEN w.name WHEN 'actor' THEN a.name END = %(name)s
ORDER BY rs.run_id, rs.run_step_id
