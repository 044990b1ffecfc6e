-- The actors of a run, as they stand now.
SELECT DISTINCT a.name, a.kind, a.state
FROM run_steps rs JOIN actors a USING (actor_id)
WHERE rs.run_id = %(run_id)s
ORDER BY a.name
