-- The steps of a run in the order of the file, those that a rerun has added too.
SELECT s.name AS step
FROM run_steps rs JOIN steps s USING (step_id)
WHERE rs.run_id = %(run_id)s
GROUP BY s.name
ORDER BY min(rs.position), s.name
