-- What a run has pinned when it began, step by step.
SELECT s.name, d.body
FROM run_steps rs JOIN steps s USING (step_id) JOIN definitions d USING (definition_id)
WHERE rs.run_id = %(run_id)s AND rs.generation = 0
ORDER BY rs.position
