SELECT d.body FROM run_steps rs JOIN definitions d USING (definition_id)
WHERE rs.run_id = %(run_id)s AND rs.generation = 0
ORDER BY rs.position
