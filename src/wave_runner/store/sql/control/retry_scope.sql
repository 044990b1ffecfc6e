-- The steps that a subject has in runs that were not cancelled. People are asked again by other means.
SELECT rs.run_id, rs.run_step_id
FROM run_steps rs
JOIN workflow_runs r USING (run_id)
JOIN workflows w USING (workflow_id)
JOIN steps s USING (step_id)
JOIN actors a ON a.actor_id = rs.actor_id
WHERE r.cancelled_at IS NULL AND a.kind <> 'human'
  AND CASE %(subject)s WHEN 'run' THEN r.run_id::text WHEN 'workflow' THEN w.name WHEN 'actor' THEN a.name END = %(name)s
  AND s.name = coalesce(%(step)s, s.name)
ORDER BY rs.run_id, rs.run_step_id
