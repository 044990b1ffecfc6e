-- Every step that a run, or a rerun of it, has pinned.
SELECT s.name AS step, d.body
FROM run_steps rs
JOIN steps s USING (step_id)
JOIN definitions d USING (definition_id)
WHERE rs.run_id = %(run_id)s AND rs.generation = %(generation)s
ORDER BY rs.position
